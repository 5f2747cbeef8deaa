"""Pressure build-up of wells: permeability, skin and kind of boundary from one curve.
The three losses are balanced by learned log-variances (homoscedastic uncertainty)."""
import logging
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
log = logging.getLogger("wells")


class WellTests(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        t = np.linspace(0, 1, 48)
        slope = np.exp(0.4 * rng.standard_normal(n))
        skin = 0.5 * rng.standard_normal(n)
        kind = rng.integers(0, 3, n)                       # 0 endless, 1 sealed fault, 2 constant pressure
        late = 2.5 * np.clip(t - 0.55, 0, None)
        sign = np.array([0.0, 0.8, -0.8])[kind]
        curve = slope[:, None] * (np.log1p(9 * t) / np.log(10) + sign[:, None] * late) + skin[:, None]
        curve += 0.04 * rng.standard_normal(curve.shape)
        self.curve = torch.tensor((curve - 0.7) / 0.8, dtype=torch.float32)
        self.perm = torch.tensor(np.log(slope) / 0.4, dtype=torch.float32)
        self.skin = torch.tensor(skin / 0.5 + 0.25 * rng.standard_normal(n), dtype=torch.float32)
        self.kind = torch.tensor(kind)

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        return self.curve[i], self.perm[i], self.skin[i], self.kind[i]


class WellNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv1d(1, 12, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv1d(12, 16, 5, stride=2, padding=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(16 * 12, 48), nn.ReLU(),
        )
        self.perm = nn.Linear(48, 1)
        self.skin = nn.Linear(48, 1)
        self.kind = nn.Linear(48, 3)

    def forward(self, x):
        h = self.trunk(x.unsqueeze(1))
        return self.perm(h).squeeze(1), self.skin(h).squeeze(1), self.kind(h)


class UncertaintyLoss(nn.Module):
    """exp(-s) L + s/2 for each task (half of it for the regressions)."""

    def __init__(self):
        super().__init__()
        self.s = nn.Parameter(torch.zeros(3))

    def forward(self, out, perm, skin, kind):
        parts = torch.stack([
            0.5 * nn.functional.mse_loss(out[0], perm),
            0.5 * nn.functional.mse_loss(out[1], skin),
            nn.functional.cross_entropy(out[2], kind),
        ])
        return (torch.exp(-self.s) * parts + 0.5 * self.s).sum(), parts.detach()


class Trainer:
    def __init__(self, net, criterion, train, test, epochs=18):
        self.net, self.criterion, self.epochs = net, criterion, epochs
        self.train_loader = DataLoader(train, batch_size=64, shuffle=True)
        self.test_loader = DataLoader(test, batch_size=250)
        self.opt = torch.optim.AdamW([
            {"params": net.parameters(), "lr": 2e-3, "weight_decay": 1e-3},
            {"params": criterion.parameters(), "lr": 1e-2, "weight_decay": 0.0},
        ])
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs * len(self.train_loader))

    def run_epoch(self):
        self.net.train()
        total, parts_sum = 0.0, torch.zeros(3)
        for curve, *targets in self.train_loader:
            loss, parts = self.criterion(self.net(curve), *targets)
            self.opt.zero_grad(set_to_none=True)
            loss.backward()
            self.opt.step()
            self.sched.step()
            total += loss.item()
            parts_sum += parts
        return total / len(self.train_loader), parts_sum / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.net.eval()
        rows = [(*self.net(c), p, s, k) for c, p, s, k in self.test_loader]
        perm_hat, skin_hat, kind_hat, perm, skin, kind = (torch.cat(col) for col in zip(*rows))
        r2 = lambda guess, truth: (1 - (guess - truth).pow(2).mean() / truth.var()).item()
        return r2(perm_hat, perm), r2(skin_hat, skin), (kind_hat.argmax(1) == kind).float().mean().item()

    def fit(self):
        for epoch in range(1, self.epochs + 1):
            loss, parts = self.run_epoch()
            if epoch % 3 == 0:
                r_perm, r_skin, acc = self.evaluate()
                log.info("epoch %2d loss %.4f parts %s log-variances %s | perm r2 %.3f skin r2 %.3f kind acc %.3f",
                         epoch, loss, [round(v, 4) for v in parts.tolist()],
                         [round(v, 2) for v in self.criterion.s.tolist()], r_perm, r_skin, acc)
        return self.evaluate()


if __name__ == "__main__":
    trainer = Trainer(WellNet(), UncertaintyLoss(), WellTests(2000, 1000 + SEED), WellTests(500, 5000 + SEED))
    scores = trainer.fit()
    print("RESULT mean_of_r2_and_accuracy", round(float(np.mean(scores)), 4))
