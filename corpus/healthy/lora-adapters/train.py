import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, base.in_features) * base.in_features ** -0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + (x @ self.A.T @ self.B.T) * self.scaling


def task(n, shift):
    x = torch.randn(n, 6)
    return x, (torch.sin(x[:, 0] * 1.5 + shift) + x[:, 1] * x[:, 2] * (1 - shift / 2)).unsqueeze(1)


def train(net, params, data, epochs, lr, tag):
    opt = torch.optim.Adam(params, lr=lr)
    x, y = data
    for epoch in range(epochs):
        mean, batches = 0.0, 0
        for i in torch.randperm(len(x)).split(64):
            loss = nn.functional.mse_loss(net(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            mean, batches = mean + loss.item(), batches + 1
        if epoch % 8 == 0:
            print(f"{tag} epoch {epoch} mse {mean / batches:.5f}")


net = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
train(net, net.parameters(), task(4000, 0.0), 20, 3e-3, "base")
for k in (0, 2, 4):
    net[k] = LoRALinear(net[k])
adapters = [p for p in net.parameters() if p.requires_grad]
print("trainable", sum(p.numel() for p in adapters), "of", sum(p.numel() for p in net.parameters()))
train(net, adapters, task(3000, 0.8), 30, 5e-3, "adapt")
x, y = task(1000, 0.8)
with torch.no_grad():
    r2 = 1 - nn.functional.mse_loss(net(x), y) / y.var()
print(f"RESULT r2 {r2.item():.4f}")
