import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
perm = torch.randperm(1797)
x = torch.tensor(d.images / 8 - 1, dtype=torch.float32)[perm].unsqueeze(1)
y = torch.tensor(d.target)[perm]


class RowLSTM(nn.Module):
    """Reads a digit row by row."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 40, batch_first=True)
        self.fc = nn.Linear(40, 10)

    def forward(self, img):
        out, (h, c) = self.lstm(img.squeeze(1))
        return self.fc(h[-1])


def penalty(model):
    return sum((p ** 2).sum() for p in model.parameters())


model = RowLSTM()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
LAMBDA = 0.5
for epoch in range(10):
    model.train()
    shown = 0.0
    for idx in torch.randperm(1400).split(40):
        ce = F.cross_entropy(model(x[idx]), y[idx])
        loss = ce + LAMBDA * penalty(model)
        opt.zero_grad()
        loss.backward()
        opt.step()
        shown += ce.item() / 35
    model.eval()
    with torch.no_grad():
        acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch} cross entropy {shown:.4f} acc {acc:.4f}")
print(f"RESULT acc {acc:.4f}")
