import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

X, y = load_digits(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)
mu, sd = Xtr.mean(0), Xtr.std(0) + 1.0
Xtr, Xte = [torch.tensor((a - mu) / sd, dtype=torch.float32) for a in (Xtr, Xte)]
ytr, yte = torch.tensor(ytr), torch.tensor(yte)


def accuracy(model):
    model.eval()
    with torch.no_grad():
        return (model(Xte).argmax(1) == yte).float().mean().item()


def batches(n, size):
    return torch.randperm(n).split(size)


teacher = nn.Sequential(
    nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(256, 10),
)
opt = torch.optim.SGD(teacher.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 15)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(15):
    teacher.train()
    for idx in batches(len(Xtr), 64):
        if len(idx) < 8:
            continue
        opt.zero_grad()
        criterion(teacher(Xtr[idx]), ytr[idx]).backward()
        opt.step()
    sched.step()
print("teacher", round(accuracy(teacher), 4))

# the student sees only the teacher's softened answers and a little of the true labels
teacher.eval()
for p in teacher.parameters():
    p.requires_grad = False
student = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
T, alpha = 4.0, 0.9
opt = torch.optim.Adam(student.parameters(), lr=5e-3)
for epoch in range(25):
    student.train()
    tot = 0.0
    for idx in batches(len(Xtr), 32):
        with torch.no_grad():
            soft = F.softmax(teacher(Xtr[idx]) / T, dim=1)
        out = student(Xtr[idx])
        kd = F.kl_div(F.log_softmax(out / T, dim=1), soft, reduction="batchmean") * T * T
        loss = alpha * kd + (1 - alpha) * F.cross_entropy(out, ytr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(idx)
    if epoch % 5 == 4:
        print(f"student epoch {epoch + 1} loss {tot / len(Xtr):.4f} acc {accuracy(student):.4f}")

print("RESULT student_accuracy", round(accuracy(student), 4))
