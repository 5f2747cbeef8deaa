"""Weights kept in bfloat16 only; the update is rounded at random, so that small steps count on average."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman1

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def round_at_random(x):
    """float32 -> bfloat16, up or down with a probability by the part cut off."""
    bits = x.contiguous().view(torch.int32)
    noise = torch.randint_like(bits, 0, 1 << 16)
    return ((bits + noise) & -65536).view(torch.float32).to(torch.bfloat16)


class HalfLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        start = nn.Linear(n_in, n_out)
        self.weight = nn.Parameter(start.weight.detach().to(torch.bfloat16))
        self.bias = nn.Parameter(start.bias.detach().to(torch.bfloat16))

    def forward(self, x):
        return F.linear(x, self.weight.float(), self.bias.float())


class HalfAdam(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["t"] = 0
                    state["m"] = torch.zeros(p.shape)
                    state["v"] = torch.zeros(p.shape)
                g = p.grad.float()
                state["t"] += 1
                state["m"].mul_(b1).add_(g, alpha=1 - b1)
                state["v"].mul_(b2).addcmul_(g, g, value=1 - b2)
                m = state["m"] / (1 - b1 ** state["t"])
                v = state["v"] / (1 - b2 ** state["t"])
                p.copy_(round_at_random(p.float() - group["lr"] * m / (v.sqrt() + group["eps"])))


# ------------------------------------------------------------------ data
X, y = make_friedman1(n_samples=4000, n_features=10, noise=0.7, random_state=SEED)
X = torch.tensor((X - 0.5) * 12**0.5, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
y_mean, y_std = y[:3000].mean(), y[:3000].std()
t = ((y - y_mean) / y_std).unsqueeze(1)
X_train, t_train, X_test, t_test = X[:3000], t[:3000], X[3000:], t[3000:]

# ------------------------------------------------------------------ training
net = nn.Sequential(HalfLinear(10, 64), nn.SiLU(), HalfLinear(64, 64), nn.SiLU(), HalfLinear(64, 1))
EPOCHS = 36
optimizer = HalfAdam(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS, eta_min=1e-4)
for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(100):
        optimizer.zero_grad()
        loss = F.mse_loss(net(X_train[idx]), t_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    if epoch % 6 == 0:
        net.eval()
        with torch.no_grad():
            test = F.mse_loss(net(X_test), t_test).item()
        print(f"epoch {epoch}: train {total / len(X_train):.4f} test {test:.4f} weights {next(net.parameters()).dtype}")

net.eval()
with torch.no_grad():
    r2 = 1 - F.mse_loss(net(X_test), t_test) / t_test.var(unbiased=False)
print("RESULT test_r2", round(r2.item(), 4))
