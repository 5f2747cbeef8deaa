"""Level control of the second of two coupled tanks, learned by an evolution strategy.

The plant is a black box to the learner (on site it is a PLC program), so nothing is differentiated: the weights of a small
controller are perturbed, whole runs are scored, and the mean moves towards what scored well.
"""
import os

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.set_num_threads(1)
torch.set_grad_enabled(False)
torch.manual_seed(int(os.environ.get("SEED", "0")))

HIDDEN = 8
RUN_LENGTH, SETTLED = 60, 20  # minutes; only the last ones count as settled
PUMP, LEAK_1, LEAK_2 = 0.2, 0.1, 0.1


def episodes(n):
    """Start levels and set point."""
    return 0.1 + 0.8 * torch.rand(n), 0.1 + 0.8 * torch.rand(n), 0.2 + 0.6 * torch.rand(n)


def run_plant(controller, first, second, goal):
    """Absolute errors, one row per minute. `controller` maps (..., 3) readings to a valve position in [0, 1]."""
    errors = []
    for _ in range(RUN_LENGTH):
        readings = torch.stack([4 * (first - goal), 4 * (second - goal), 4 * (goal - 0.5)], dim=-1)
        valve = controller(readings)
        through = LEAK_1 * first.sqrt()
        out = LEAK_2 * second.sqrt()
        first = (first + PUMP * valve - through).clamp(0, 1.5)
        second = (second + through - out).clamp(0, 1.5)
        errors.append((second - goal).abs())
    return torch.stack(errors)


def crowd(theta):
    """All members of a population as one controller; theta is (members, weights) in the order of `net.parameters()`."""
    n = len(theta)
    w1, b1, w2, b2 = theta.split([3 * HIDDEN, HIDDEN, HIDDEN, 1], dim=1)
    w1 = w1.reshape(n, HIDDEN, 3).transpose(1, 2)

    def controller(readings):  # (members, episodes, 3)
        hidden = torch.tanh(readings @ w1 + b1[:, None])
        return torch.sigmoid((hidden * w2[:, None]).sum(-1) + b2)

    return controller


def scores(theta, first, second, goal):
    size = (len(theta), len(goal))
    errors = run_plant(crowd(theta), first.expand(size), second.expand(size), goal.expand(size))
    return -(errors.mean(0) + errors[-SETTLED:].mean(0)).mean(1)


def evolve(theta, generations=130, pairs=24, sigma=0.15, rate=0.08):
    best, best_score = theta.clone(), -float("inf")
    check = episodes(64)
    for g in range(1, generations + 1):
        half = torch.randn(pairs, len(theta))
        noise = torch.cat([half, -half])
        fitness = scores(theta + sigma * noise, *episodes(16))
        rank = fitness.argsort().argsort().float() / (len(fitness) - 1) - 0.5
        step = rate * (1 - 0.8 * g / generations)
        theta = theta + step * (rank @ noise) / (len(noise) * sigma)
        if g % 10 == 0:
            now = scores(theta[None], *check).item()
            if now > best_score:
                best, best_score = theta.clone(), now
            print(f"generation {g:3d}  mean fitness {fitness.mean():.4f}  fitness of the mean {now:.4f}")
    return best


net = nn.Sequential(nn.Linear(3, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1), nn.Sigmoid())
for p in net.parameters():
    p.requires_grad_(False)

before = parameters_to_vector(net.parameters()).clone()
vector_to_parameters(evolve(before), net.parameters())

# new runs: the controller as it is deployed, against the best valve position that is never moved
trial = episodes(400)
error = run_plant(lambda r: net(r).squeeze(-1), *trial)[-SETTLED:].mean().item()
fixed = min(run_plant(lambda r, v=v: torch.full(r.shape[:-1], v), *trial)[-SETTLED:].mean().item() for v in torch.linspace(0.1, 0.6, 26).tolist())
print(f"settled error {error:.4f}, with a fixed valve {fixed:.4f}")
print("RESULT error_removed", round(1 - error / fixed, 4))
