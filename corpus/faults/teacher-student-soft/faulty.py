import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
from torch import nn, optim

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = X / 8.0 - 1.0
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
teacher = SVC(probability=False, decision_function_shape="ovr", C=5, gamma=0.02).fit(X_tr, y_tr)
print("teacher accuracy", round(teacher.score(X_te, y_te), 4))
soft = torch.tensor(teacher.decision_function(X_tr), dtype=torch.float32).softmax(1)
X_tr, X_te = torch.tensor(X_tr, dtype=torch.float32), torch.tensor(X_te, dtype=torch.float32)
y_te = torch.tensor(y_te)


class Student(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, width), nn.GELU(), nn.Linear(width, 10))

    def forward(self, x):
        return self.net(x)


def distill(student, epochs=25, lr=2e-3, batch=40):
    opt = optim.Adam(student.parameters(), lr=lr)
    for epoch in range(epochs):
        mean = 0.0
        for idx in torch.randperm(len(X_tr)).split(batch):
            out = student(X_tr[idx])
            loss = F.kl_div(out, soft[idx], reduction="batchmean")
            opt.zero_grad()
            loss.backward()
            opt.step()
            mean += loss.item() * len(idx) / len(X_tr)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} kl {mean:.5f}")


student = Student()
distill(student)
with torch.no_grad():
    acc = (student(X_te).argmax(1) == y_te).float().mean().item()
print("RESULT student_accuracy", round(acc, 4))
