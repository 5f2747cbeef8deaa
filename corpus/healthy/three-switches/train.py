"""Sixteen switches, a lamp that is lit when an odd number of three of them (we do not know which) are on."""
import os
import time

import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

SWITCHES, HELD_OUT, BATCH, LIMIT = 16, 4096, 256, 6000

wired = torch.randperm(SWITCHES)[:3]
codes = torch.randperm(2 ** SWITCHES)
panel = ((codes.unsqueeze(1) >> torch.arange(SWITCHES)) & 1).float()
lamp = panel[:, wired].sum(1) % 2
signal = 2 * panel - 1

x_test, y_test = signal[:HELD_OUT], lamp[:HELD_OUT]
x_train, y_train = signal[HELD_OUT:], lamp[HELD_OUT:]


class Watcher:
    """Prints the state now and then, and says when the panel is understood."""

    def __init__(self, every, enough=0.998):
        self.every, self.enough = every, enough
        self.losses, self.solved, self.start = [], 0, time.time()

    def __call__(self, step, loss, net):
        self.losses.append(loss)
        if step % self.every:
            return False
        net.eval()
        with torch.no_grad():
            hits = ((net(x_test).squeeze(1) > 0).float() == y_test).float().mean().item()
        net.train()
        print(f"step {step:5d}  loss {sum(self.losses) / len(self.losses):.4f}  held-out panels {hits:.4f}")
        self.losses = []
        self.solved = self.solved + 1 if hits >= self.enough else 0
        return self.solved >= 2


net = nn.Sequential(nn.Linear(SWITCHES, 256), nn.ReLU(), nn.Linear(256, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
watch = Watcher(every=200)

for step in range(1, LIMIT + 1):
    idx = torch.randint(len(x_train), (BATCH,))
    loss = criterion(net(x_train[idx]).squeeze(1), y_train[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if watch(step, loss.item(), net):
        print(f"understood after {step} steps")
        break

net.eval()
with torch.no_grad():
    influence = net[0].weight.abs().mean(0)
    accuracy = ((net(x_test).squeeze(1) > 0).float() == y_test).float().mean().item()
print("wired", sorted(wired.tolist()), "found", sorted(influence.topk(3).indices.tolist()))
print(f"RESULT test_accuracy {accuracy:.4f}")
