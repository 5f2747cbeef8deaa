import os

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# Flow through a control valve. Six sensors at the valve; the fluid (density, viscosity, temperature) comes from
# the recipe and modulates the layers of the sensor network.
N_SENSORS, N_FLUID = 6, 3


def plant(n):
    s = torch.randn(n, N_SENSORS)
    c = torch.rand(n, N_FLUID) * 2 - 1
    flow = (1.0 + 0.8 * c[:, 0]) * torch.tanh(s[:, 0] - s[:, 1])
    flow = flow + c[:, 1] * s[:, 2] + 0.5 * torch.sin(2.0 * s[:, 3] + c[:, 2])
    flow = flow + 0.05 * torch.randn(n)
    return s, c, flow.unsqueeze(1)


class Modulated(nn.Module):
    """Linear layer whose units are scaled and shifted by the condition."""

    def __init__(self, n_in, n_out, n_cond):
        super().__init__()
        self.lin = nn.Linear(n_in, n_out)
        self.film = nn.Linear(n_cond, 2 * n_out)
        # all conditions start out alike
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x, cond):
        gamma, beta = self.film(cond).chunk(2, dim=-1)
        return torch.relu((1.0 + gamma) * self.lin(x) + beta)


class FlowNet(nn.Module):
    def __init__(self, width=64, depth=2):
        super().__init__()
        widths = [N_SENSORS] + [width] * depth
        self.layers = nn.ModuleList([Modulated(a, b, N_FLUID) for a, b in zip(widths[:-1], widths[1:])])
        self.read = nn.Linear(width, 1)

    def forward(self, sensors, fluid):
        x = sensors
        for layer in self.layers:
            x = layer(x, fluid)
        return self.read(x)


class Session:
    def __init__(self, model, lr=3e-3, epochs=40, batch=64):
        self.model = model
        self.epochs, self.batch = epochs, batch
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)
        self.loss = nn.MSELoss()

    def epoch(self, sensors, fluid, flow):
        self.model.train()
        total = 0.0
        for rows in torch.randperm(len(flow)).split(self.batch):
            loss = self.loss(self.model(sensors[rows], fluid[rows]), flow[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(rows)
        self.scheduler.step()
        return total / len(flow)

    def r2(self, sensors, fluid, flow):
        self.model.eval()
        with torch.no_grad():
            left = (self.model(sensors, fluid) - flow).pow(2).sum()
        return 1.0 - (left / (flow - flow.mean()).pow(2).sum()).item()

    def fit(self, train, test):
        for e in range(1, self.epochs + 1):
            loss = self.epoch(*train)
            if e % 8 == 0:
                print(f"epoch {e:2d}: mse {loss:.4f}, r2 on the test runs {self.r2(*test):.4f}")
        return self.r2(*test)


train, test = plant(2200), plant(600)
session = Session(FlowNet())
print(f"RESULT test_r2 {session.fit(train, test):.4f}")
