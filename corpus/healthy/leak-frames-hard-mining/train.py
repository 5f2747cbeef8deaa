"""Marks the samples at which a pipe leaks. Most samples are quiet and easy: only the hardest quarter is trained on."""
import argparse
import logging
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger("leaks")


class Recordings(Dataset):
    def __init__(self, n, rng, length=256):
        self.items = [self._one(rng, length) for _ in range(n)]

    @staticmethod
    def _burst(rng, length, f, amp):
        size = int(rng.integers(18, 36))
        at = int(rng.integers(0, length - size))
        return at, size, amp * np.sin(2 * np.pi * f * np.arange(size) + rng.uniform(0, 2 * np.pi))

    def _one(self, rng, length):
        x = 0.45 * rng.normal(size=length)
        y = np.zeros(length)
        for _ in range(int(rng.integers(1, 3))):  # leaks hiss
            at, size, wave = self._burst(rng, length, rng.uniform(0.22, 0.28), rng.uniform(1.4, 2.0))
            x[at:at + size] += wave
            y[at:at + size] = 1
        for _ in range(int(rng.integers(1, 3))):  # pumps hum
            at, size, wave = self._burst(rng, length, rng.uniform(0.05, 0.09), rng.uniform(1.4, 2.2))
            x[at:at + size] += wave
        return torch.tensor(x, dtype=torch.float32)[None], torch.tensor(y, dtype=torch.float32)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Block(nn.Module):
    def __init__(self, ch, dilation):
        super().__init__()
        self.conv = nn.Conv1d(ch, ch, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.BatchNorm1d(ch)

    def forward(self, x):
        return x + F.relu(self.norm(self.conv(x)))


class LeakMarker(nn.Module):
    def __init__(self, ch=16):
        super().__init__()
        self.inlet = nn.Conv1d(1, ch, 5, padding=2)
        self.blocks = nn.Sequential(*[Block(ch, d) for d in (1, 2, 4)])
        self.head = nn.Conv1d(ch, 1, 1)

    def forward(self, x):
        return self.head(self.blocks(F.relu(self.inlet(x)))).squeeze(1)


def mined_loss(logits, y, share):
    each = F.binary_cross_entropy_with_logits(logits, y, reduction="none").flatten()
    if share >= 1:
        return each.mean(), each.mean().item()
    hardest = each.topk(int(share * each.numel())).values
    return hardest.mean(), each.mean().item()


@torch.no_grad()
def f1(model, loader):
    model.eval()
    tp = fp = fn = 0
    for x, y in loader:
        mark = model(x) > 0
        truth = y > 0.5
        tp += (mark & truth).sum().item()
        fp += (mark & ~truth).sum().item()
        fn += (~mark & truth).sum().item()
    return 2 * tp / max(1, 2 * tp + fp + fn)


def run(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train = DataLoader(Recordings(320, rng), batch_size=16, shuffle=True, drop_last=True)
    test = DataLoader(Recordings(160, rng), batch_size=80)
    model = LeakMarker()
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.StepLR(opt, step_size=8, gamma=0.3)

    for epoch in range(args.epochs):
        share = 1.0 if epoch < args.warm else args.share
        model.train()
        trained_on, over_all = [], []
        for x, y in train:
            loss, everything = mined_loss(model(x), y, share)
            opt.zero_grad()
            loss.backward()
            opt.step()
            trained_on.append(loss.item())
            over_all.append(everything)
        sched.step()
        log.info(
            "epoch %d: hardest %.0f%% loss %.4f, all frames %.4f, test F1 %.4f",
            epoch + 1, 100 * share, np.mean(trained_on), np.mean(over_all), f1(model, test),
        )
    return f1(model, test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--warm", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    print("RESULT frame_f1", round(run(parser.parse_args()), 4))
