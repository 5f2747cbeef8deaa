"""Temperature of a stirred tank from heater power and inflow, by an LSTM written out by hand
and trained with AdaBelief, also written out by hand (lecture 9, "nothing from the shelf")."""
import math
import os

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import Optimizer

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


# ---------------------------------------------------------------- the plant
def simulate(n, steps, rng):
    def staircase(low, high):
        level = rng.uniform(low, high, (n, steps // 8))
        return np.repeat(level, 8, axis=1)

    power, inflow = staircase(0, 10), staircase(0.2, 2.0)        # kW, l/min
    t_in = rng.uniform(8, 16, (n, 1)) + np.zeros((1, steps))     # deg C, constant in a run
    temp, out = np.full(n, 20.0), []
    for k in range(steps):
        temp = temp + 0.5 * power[:, k] - 0.12 * inflow[:, k] * (temp - t_in[:, k]) - 0.03 * (temp - 20)
        out.append(temp)
    y = np.stack(out, 1) + rng.normal(0, 0.3, (n, steps))
    u = np.stack([(power - 5) / 2.9, (inflow - 1.1) / 0.52, (t_in - 12) / 2.3], axis=2)
    return torch.tensor(u, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


# ---------------------------------------------------------------- the cell
class OwnLSTM(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.hidden = hidden
        bound = 1 / math.sqrt(hidden)
        self.w_x = nn.Parameter(torch.empty(inputs, 4 * hidden).uniform_(-bound, bound))
        self.w_h = nn.Parameter(torch.cat([nn.init.orthogonal_(torch.empty(hidden, hidden)) for _ in range(4)], 1))
        bias = torch.zeros(4 * hidden)
        bias[hidden:2 * hidden] = 1.0                              # remember by default
        self.bias = nn.Parameter(bias)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], self.hidden)
        c = torch.zeros_like(h)
        drive = x @ self.w_x + self.bias                           # all times at once
        outputs = []
        for k in range(x.shape[1]):
            i, f, g, o = (drive[:, k] + h @ self.w_h).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1)


class TankModel(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = OwnLSTM(3, hidden)
        self.read = nn.Linear(hidden, 1)

    def forward(self, u):
        return self.read(self.rnn(u)).squeeze(-1)


# ---------------------------------------------------------------- the optimizer
class AdaBelief(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-12):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                st = self.state[p]
                if len(st) == 0:
                    st["k"], st["m"], st["s"] = 0, torch.zeros_like(p), torch.zeros_like(p)
                st["k"] += 1
                st["m"].mul_(b1).add_(p.grad, alpha=1 - b1)
                surprise = p.grad - st["m"]
                st["s"].mul_(b2).addcmul_(surprise, surprise, value=1 - b2).add_(group["eps"])
                m_hat = st["m"] / (1 - b1 ** st["k"])
                s_hat = st["s"] / (1 - b2 ** st["k"])
                p.addcdiv_(m_hat, s_hat.sqrt() + 1e-6, value=-group["lr"])


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    u_train, y_train = simulate(480, 40, rng)
    u_test, y_test = simulate(120, 40, rng)
    mean, std = y_train.mean(), y_train.std()

    model = TankModel()
    optimizer = AdaBelief(model.parameters(), lr=3e-3)
    epochs, batch = 22, 32
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * epoch / epochs)))
        model.train()
        total = 0.0
        for idx in torch.randperm(len(u_train)).split(batch):
            loss = ((model(u_train[idx]) - (y_train[idx] - mean) / std) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % 3 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch + 1:2d}: mse of the standardised temperature {total / len(u_train):.4f}")

    model.eval()
    with torch.no_grad():
        pred = model(u_test) * std + mean
    rmse = (pred - y_test).pow(2).mean().sqrt().item()
    r2 = 1 - (pred - y_test).pow(2).sum() / (y_test - y_test.mean()).pow(2).sum()
    print(f"rmse {rmse:.2f} K over {y_test.shape[1]} steps of {len(y_test)} new runs (sensor noise 0.3 K)")
    print("RESULT test_r2", round(r2.item(), 4))


if __name__ == "__main__":
    main()
