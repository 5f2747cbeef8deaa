import os
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F

# Which of twenty lab values have to be ordered at all? A gate of 0 or 1 stands before each value; it is drawn hard and
# the gradient passes straight through. Each open gate costs something.
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

N_VALUES = 20
USEFUL = (0, 3, 7, 11, 16)


def patients(n):
    x = torch.randn(n, N_VALUES)
    a, b, c, d, e = (x[:, i] for i in USEFUL)
    score = 1.5 * a + 1.5 * torch.tanh(2 * b) - 1.4 * c + 1.1 * (d.pow(2) - 1) + 1.6 * (e.abs() - 0.8)
    y = torch.bernoulli(torch.sigmoid(3 * score))
    return x, y


class HardGates(nn.Module):
    """Bernoulli gates with a straight-through gradient; at evaluation a gate is open or shut for good."""

    def __init__(self, n, start=1.0):
        super().__init__()
        self.logit = nn.Parameter(torch.full((n,), start))

    def prob(self):
        return torch.sigmoid(self.logit)

    def forward(self, x):
        p = self.prob()
        if self.training:
            soft = p.expand_as(x)
            hard = torch.bernoulli(soft.detach())
            gate = hard + soft - soft.detach()
        else:
            gate = (p > 0.5).float()
        return x * gate


class Panel(nn.Module):
    def __init__(self):
        super().__init__()
        self.gates = HardGates(N_VALUES)
        self.body = nn.Sequential(nn.Linear(N_VALUES, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))

    def forward(self, x):
        return self.body(self.gates(x)).squeeze(1)


def run(model, data, on_epoch, price=0.015, epochs=40, batch=128):
    x, y = data
    opt = torch.optim.Adam([
        {"params": model.gates.parameters(), "lr": 2e-2},
        {"params": model.body.parameters(), "lr": 3e-3},
    ])
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.1, total_iters=epochs)
    for epoch in range(epochs):
        model.train()
        fit_sum = cost_sum = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            fit = F.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
            cost = price * model.gates.prob().sum()
            opt.zero_grad()
            (fit + cost).backward()
            opt.step()
            fit_sum += fit.item() * len(idx)
            cost_sum += cost.item() * len(idx)
        sched.step()
        on_epoch(epoch, fit_sum / len(x), cost_sum / len(x))


@torch.no_grad()
def accuracy(model, data):
    model.eval()
    x, y = data
    return ((model(x) > 0).float() == y).float().mean().item()


def tell(model, valid, epoch, fit, cost):
    if epoch % 8 == 7 or epoch == 0:
        is_open = (model.gates.prob() > 0.5).nonzero().flatten().tolist()
        print(f"epoch {epoch + 1:2d}  fit {fit:.4f}  cost {cost:.4f}  valid {accuracy(model, valid):.3f}  open {is_open}")


train, valid, test = patients(3000), patients(500), patients(1000)
model = Panel()
run(model, train, on_epoch=partial(tell, model, valid))

# after the choice is made, the body is tuned once more with the gates as they will be used
model.gates.logit.requires_grad_(False)
opt = torch.optim.Adam(model.body.parameters(), lr=1e-3, weight_decay=1e-4)
for epoch in range(6):
    model.gates.eval()
    model.body.train()
    for idx in torch.randperm(len(train[0])).split(128):
        loss = F.binary_cross_entropy_with_logits(model(train[0][idx]), train[1][idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print("share of the larger class", round(max(test[1].mean().item(), 1 - test[1].mean().item()), 3))
print("RESULT test_accuracy", round(accuracy(model, test), 4))
