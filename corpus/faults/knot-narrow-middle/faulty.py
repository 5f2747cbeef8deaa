import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Encoder(nn.Module):
    def __init__(self, d_code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(24, 48), nn.ELU(), nn.Linear(48, d_code))

    def forward(self, x):
        return self.net(x)


class Decoder(nn.Module):
    def __init__(self, d_code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_code, 48), nn.ELU(), nn.Linear(48, 24))

    def forward(self, z):
        return self.net(z)


def curves(n):
    t = torch.linspace(0, 1, 24)
    a, b, c = torch.randn(3, n, 1)
    return a * torch.sin(6.28 * t) + b * torch.cos(6.28 * t) + c * (2 * t - 1) + 0.05 * torch.randn(n, 24)


CODE = 1
encoder, decoder = Encoder(CODE), Decoder(CODE)
optimizer = torch.optim.Adam([{"params": encoder.parameters()}, {"params": decoder.parameters()}], lr=2e-3)
train, test = curves(2500), curves(500)
for epoch in range(25):
    total = 0.0
    for b in train[torch.randperm(2500)].split(50):
        loss = (decoder(encoder(b)) - b).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 50
    if epoch % 4 == 0:
        print(f"epoch {epoch} mean abs error {total:.4f}")
with torch.no_grad():
    mae = (decoder(encoder(test)) - test).abs().mean().item()
print(f"RESULT test_mae {mae:.4f}")
