import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

GASES, SENSORS = 6, 16


class ElectronicNose:
    """Sixteen sensors, each with its own taste; the strength of the gas varies over a wide range."""

    def __init__(self):
        self.log_taste = 0.6 * torch.randn(GASES, SENSORS)
        self.drift = 0.1 * torch.randn(SENSORS)

    def sniff(self, n):
        gas = torch.randint(0, GASES, (n,))
        strength = torch.empty(n, 1).uniform_(-1.5, 1.5)
        logs = 0.7 * (self.log_taste[gas] + strength) + self.drift + 0.3 * torch.randn(n, SENSORS)
        return logs.exp(), gas


def build():
    return nn.Sequential(
        nn.Linear(SENSORS, 96), nn.LayerNorm(96), nn.GELU(),
        nn.Linear(96, 96), nn.GELU(),
        nn.Linear(96, GASES))


class HalfTrainer:
    """Forward and backward pass in bfloat16; the weights that count are kept, and stepped, in float32."""

    def __init__(self, lr=2e-3, weight_decay=1e-3):
        self.master = build()
        self.working = copy.deepcopy(self.master).to(torch.bfloat16)
        self.optimizer = torch.optim.AdamW(self.master.parameters(), lr=lr, weight_decay=weight_decay)

    def train_step(self, x, y):
        self.working.train()
        logits = self.working(x.to(torch.bfloat16))
        loss = F.cross_entropy(logits.float(), y, label_smoothing=0.02)
        loss.backward()
        for m, w in zip(self.master.parameters(), self.working.parameters()):
            m.grad = w.grad.float()
            w.grad = None
        norm = nn.utils.clip_grad_norm_(self.master.parameters(), 2.0)
        self.optimizer.step()
        self.sync()
        return loss.item(), norm.item()

    @torch.no_grad()
    def sync(self):
        for m, w in zip(self.master.parameters(), self.working.parameters()):
            w.copy_(m)

    @torch.no_grad()
    def accuracy(self, x, y):
        self.master.eval()
        return (self.master(x).argmax(1) == y).float().mean().item()

    @torch.no_grad()
    def agreement(self, x):
        self.master.eval()
        self.working.eval()
        half = self.working(x.to(torch.bfloat16)).argmax(1)
        return (self.master(x).argmax(1) == half).float().mean().item()


def prepare(raw, stats=None):
    logs = raw.log()
    if stats is None:
        stats = logs.mean(0), logs.std(0)
    return (logs - stats[0]) / stats[1], stats


nose = ElectronicNose()
raw_train, y_train = nose.sniff(2000)
raw_test, y_test = nose.sniff(800)
x_train, stats = prepare(raw_train)
x_test, _ = prepare(raw_test, stats)

trainer = HalfTrainer()
for epoch in range(1, 13):
    losses, norms = [], []
    for idx in torch.randperm(len(x_train)).split(64):
        loss, norm = trainer.train_step(x_train[idx], y_train[idx])
        losses.append(loss)
        norms.append(norm)
    print(f"epoch {epoch:2d} loss {sum(losses) / len(losses):.4f} grad norm {sum(norms) / len(norms):.3f} "
          f"accuracy {trainer.accuracy(x_test, y_test):.4f}")

print(f"half and full precision agree on {trainer.agreement(x_test):.4f}")
print("RESULT accuracy", round(trainer.accuracy(x_test, y_test), 4))
