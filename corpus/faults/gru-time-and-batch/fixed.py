import os
import torch
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def walks(n, steps=18):
    drift = torch.randint(0, 3, (n,))
    inc = 0.5 * torch.randn(n, steps, 2)
    inc[..., 0] += (drift == 1).float()[:, None] * 0.6 * torch.linspace(-1, 1, steps)
    inc[..., 1] += (drift == 2).float()[:, None] * 0.6 * torch.linspace(1, -1, steps)
    return inc, drift


class WalkNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(input_size=2, hidden_size=32, batch_first=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        y, _ = self.gru(x)
        return self.fc(y[:, -1, :])


x, d = walks(2400)
x_test, d_test = walks(600)
net = WalkNet()
opt = optim.RMSprop(net.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(20):
    net.train()
    for idx in torch.randperm(2400).split(40):
        opt.zero_grad()
        loss = loss_fn(net(x[idx]), d[idx])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        opt.step()
    if epoch % 4 == 3:
        print("epoch", epoch + 1, "loss", round(loss.item(), 4))
net.eval()
with torch.no_grad():
    acc = (net(x_test).argmax(1) == d_test).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
