import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

N_TRAIN, N_TEST, FEATURES = 3000, 1000, 12
EXPECTED_BATCH = 200
CLIP = 1.0
NOISE = 0.8
LR = 1.5
STEPS = 300


def people(n):
    x = torch.randn(n, FEATURES)
    score = 1.5 * x[:, 0] - 1.2 * x[:, 1] + 0.6 * (x[:, 2].abs() - 0.8) + 0.5 * x[:, 3]
    return x, (score + 0.3 * torch.randn(n) > 0).long()


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(FEATURES, 20)
        self.out = nn.Linear(20, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


x_train, y_train = people(N_TRAIN)
x_test, y_test = people(N_TEST)
model = Scorer()
params = {name: p.detach().clone() for name, p in model.named_parameters()}


def loss_of_one(params, x, y):
    return F.cross_entropy(functional_call(model, params, (x.unsqueeze(0),)), y.unsqueeze(0))


grads_of_each = vmap(grad(loss_of_one), in_dims=(None, 0, 0))


def private_gradient(params, x, y):
    """Gradient of each person clipped, summed, noise added; divided by the expected size of the sample."""
    each = grads_of_each(params, x, y)
    norm = torch.stack([g.flatten(1).norm(dim=1) for g in each.values()]).norm(dim=0)
    factor = (CLIP / norm.clamp(min=1e-8)).clamp(max=1.0)
    out = {}
    for name, g in each.items():
        summed = torch.tensordot(factor, g, dims=1)
        out[name] = (summed + NOISE * CLIP * torch.randn_like(summed)) / EXPECTED_BATCH
    return out, (factor < 1).float().mean().item()


@torch.no_grad()
def evaluate(params):
    out = functional_call(model, params, (x_test,))
    return F.cross_entropy(out, y_test).item(), (out.argmax(1) == y_test).float().mean().item()


clipped = []
for step in range(STEPS):
    chosen = (torch.rand(N_TRAIN) < EXPECTED_BATCH / N_TRAIN).nonzero().squeeze(1)     # Poisson sampling
    g, share = private_gradient(params, x_train[chosen], y_train[chosen])
    clipped.append(share)
    rate = LR * 0.5 * (1 + math.cos(math.pi * step / STEPS))
    params = {name: p - rate * g[name] for name, p in params.items()}
    if (step + 1) % 60 == 0:
        loss, acc = evaluate(params)
        print(f"step {step + 1}: test loss {loss:.4f} accuracy {acc:.4f}, clipped {sum(clipped[-60:]) / 60:.2f} of the people")

model.load_state_dict(params)
print("RESULT test_accuracy", round(evaluate(dict(model.named_parameters()))[1], 4))
