import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

options = {
    "width": 32,
    "gain": 1.0,
    "lr": 3e-3,
    "epochs": 30,
}


class ScaledTanh(nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.gain = gain

    def forward(self, x):
        return torch.tanh(self.gain * x)


def pendulum(n):
    theta, omega = (torch.rand(n) * 2 - 1) * 3.0, torch.randn(n) * 1.5
    x = torch.stack([theta, omega], 1)
    for _ in range(10):
        omega = omega - 0.1 * torch.sin(theta) - 0.02 * omega
        theta = theta + 0.1 * omega
    return x / 1.6, torch.stack([theta, omega], 1) / 1.6


net = nn.Sequential(
    nn.Linear(2, options["width"]), ScaledTanh(options["gain"]),
    nn.Linear(options["width"], options["width"]), ScaledTanh(options["gain"]),
    nn.Linear(options["width"], 2),
)
x, y = pendulum(2500)
x_test, y_test = pendulum(500)
opt = torch.optim.Adam(net.parameters(), lr=options["lr"])
for epoch in range(options["epochs"]):
    for i in torch.randperm(len(x)).split(50):
        loss = ((net(x[i]) - y[i]) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 0:
        print(f"{epoch:3d} {loss.item():.6f}")
with torch.no_grad():
    rmse = ((net(x_test) - y_test) ** 2).mean().sqrt().item()
print(f"RESULT rmse {rmse:.4f}")
