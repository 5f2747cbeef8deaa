import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.images, dtype=torch.float32)[order].unsqueeze(1) / 8 - 1
y = torch.tensor(digits.target)[order]
x_tr, y_tr, x_te, y_te = x[:1300], y[:1300], x[1300:], y[1300:]

teacher = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
    nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.LeakyReLU(0.1), nn.Flatten(),
    nn.Dropout(0.3), nn.Linear(512, 10))
student = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.LeakyReLU(0.1), nn.Linear(20, 10))


def accuracy(net):
    was = net.training
    net.eval()
    with torch.no_grad():
        acc = (net(x_te).argmax(1) == y_te).float().mean().item()
    net.train(was)
    return acc


opt = torch.optim.Adam(teacher.parameters(), lr=1e-3)
for epoch in range(8):
    for i in torch.randperm(len(x_tr)).split(32):
        loss = F.cross_entropy(teacher(x_tr[i]), y_tr[i], label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
print(f"teacher {accuracy(teacher):.4f}")

T, ALPHA = 3.0, 0.7
teacher.eval()
kl = nn.KLDivLoss(reduction="batchmean", log_target=True)
opt = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(25):
    total = 0.0
    for i in torch.randperm(len(x_tr)).split(32):
        with torch.no_grad():
            soft = F.log_softmax(teacher(x_tr[i]) / T, dim=1)
        logits = student(x_tr[i])
        loss = ALPHA * T * T * kl(F.log_softmax(logits / T, dim=1), soft) + (1 - ALPHA) * F.cross_entropy(logits, y_tr[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    if epoch % 6 == 0:
        print(f"epoch {epoch} loss {total:.4f} student {accuracy(student):.4f}")
print(f"RESULT student_accuracy {accuracy(student):.4f}")
