import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

T, C = 24, 3


def motion(n):
    """(n, time, sensor): which sensor shows a burst, and is it early or late?"""
    x = 0.5 * torch.randn(n, T, C)
    sensor, late = torch.randint(0, C, (n,)), torch.randint(0, 2, (n,))
    start = late * 12 + torch.randint(0, 4, (n,))
    for k in range(n):
        x[k, start[k]:start[k] + 8, sensor[k]] += torch.sin(torch.arange(8) * 1.3)
    return x, sensor


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(C, 16, 5, padding=2)
        self.conv2 = nn.Conv1d(16, 16, 5, padding=2)
        self.fc = nn.Linear(16, C)

    def forward(self, x):
        x = x.permute(0, 2, 1)
        x = F.gelu(self.conv1(x))
        x = F.gelu(self.conv2(x))
        return self.fc(x.amax(2))


x, y = motion(1800)
x_val, y_val = motion(500)
net = ConvNet()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(12):
    for i in torch.randperm(len(x)).split(45):
        opt.zero_grad()
        loss = F.cross_entropy(net(x[i]), y[i])
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (net(x_val).argmax(1) == y_val).float().mean().item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val {acc:.4f}")
print(f"RESULT val_acc {acc:.4f}")
