import os
from collections import deque

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

LENGTH, STEP, WINDOW = 10000, 8, 64


def stream(length):
    """Alarm or no alarm; what the two main readings mean turns by half a circle while the meter ages."""
    x = torch.randn(length, 5)
    angle = torch.linspace(0, torch.pi, length)
    score = x[:, 0] * torch.cos(angle) + x[:, 1] * torch.sin(angle) + 0.25 * x[:, 2] * x[:, 3]
    y = (score + 0.1 * torch.randn(length) > 0).float()
    return x, y


class SlidingLearner:
    """Learns from the last WINDOW readings, again and again, as they pass."""

    def __init__(self):
        self.net = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        self.loss_fn = nn.BCEWithLogitsLoss()
        self.recent = deque(maxlen=WINDOW // STEP)

    def predict(self, x):
        with torch.no_grad():
            return (self.net(x).squeeze(1) > 0).float()

    def learn(self, x, y):
        self.recent.append((x, y))
        xs = torch.cat([a for a, _ in self.recent])
        ys = torch.cat([b for _, b in self.recent])
        self.opt.zero_grad()
        loss = self.loss_fn(self.net(xs).squeeze(1), ys)
        loss.backward()
        self.opt.step()
        return loss.item()


def fixed_rule(x, y, upto=1500):
    """What a rule learned once on the first readings would score later."""
    net = nn.Linear(5, 1)
    opt = torch.optim.LBFGS(net.parameters(), max_iter=50)

    def closure():
        opt.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[:upto]).squeeze(1), y[:upto])
        loss.backward()
        return loss

    opt.step(closure)
    with torch.no_grad():
        return ((net(x[upto:]).squeeze(1) > 0).float() == y[upto:]).float().mean().item()


x, y = stream(LENGTH)
print(f"a rule of the first 1500 readings scores {fixed_rule(x, y):.4f} on the rest")

learner = SlidingLearner()
right, losses = [], []
for start in range(0, LENGTH, STEP):
    xb, yb = x[start:start + STEP], y[start:start + STEP]
    right.append((learner.predict(xb) == yb).float().mean().item())     # asked first, told afterwards
    losses.append(learner.learn(xb, yb))
    if (start // STEP + 1) % 250 == 0:
        print(f"reading {start + STEP}: window loss {sum(losses[-250:]) / 250:.4f} accuracy before learning {sum(right[-250:]) / 250:.4f}")

late = right[len(right) // 2:]
print("RESULT prequential_accuracy", round(sum(late) / len(late), 4))
