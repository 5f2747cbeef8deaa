"""Bias-free denoiser for sonar depth profiles.

A network without a single additive constant is homogeneous: f(c x) = c f(x). Trained on a
narrow range of noise it still works on stronger noise (Mohan et al., ICLR 2020). Twelve
residual blocks, each with a learned scale that starts small instead of a norm layer.
"""
import itertools
import math
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
LENGTH = 64


def profiles(n, gen):
    """Ledges and slopes: the sum of a few steps and one ramp, zero mean."""
    pos = torch.arange(LENGTH, dtype=torch.float32)
    edges = torch.rand(n, 4, 1, generator=gen) * LENGTH
    jumps = torch.randn(n, 4, 1, generator=gen)
    clean = (jumps * (pos > edges)).sum(1)
    clean = clean + torch.randn(n, 1, generator=gen) * (pos / LENGTH - 0.5)
    return (clean - clean.mean(1, keepdim=True)).unsqueeze(1)


class NoisyProfiles(IterableDataset):
    def __init__(self, batch, sigma, seed):
        self.batch, self.sigma, self.seed = batch, sigma, seed

    def __iter__(self):
        gen = torch.Generator().manual_seed(self.seed)
        while True:
            clean = profiles(self.batch, gen)
            sigma = torch.empty(self.batch, 1, 1).uniform_(*self.sigma, generator=gen)
            yield clean + sigma * torch.randn(clean.shape, generator=gen), clean


class Block(nn.Module):
    def __init__(self, channels, kernel, scale=0.2):
        super().__init__()
        self.mix = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.out = nn.Conv1d(channels, channels, 1, bias=False)
        self.scale = nn.Parameter(torch.full((1, channels, 1), scale))

    def forward(self, x):
        return x + self.scale * self.out(torch.relu(self.mix(x)))


class BiasFree(nn.Module):
    def __init__(self, channels=12, blocks=12, kernel=5):
        super().__init__()
        self.head = nn.Conv1d(1, channels, kernel, padding=kernel // 2, bias=False)
        self.body = nn.Sequential(*(Block(channels, kernel) for _ in range(blocks)))
        self.tail = nn.Conv1d(channels, 1, kernel, padding=kernel // 2, bias=False)
        for m in self.modules():
            if isinstance(m, nn.Conv1d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, x):
        return x - self.tail(self.body(self.head(x)))


def psnr(a, b, peak=4.0):
    return 10 * math.log10(peak ** 2 / (a - b).pow(2).mean().item())


@torch.no_grad()
def evaluate(net, sigma, gen):
    net.eval()
    clean = profiles(300, gen)
    noisy = clean + sigma * torch.randn(clean.shape, generator=gen)
    box = nn.functional.avg_pool1d(noisy, 3, stride=1, padding=1, count_include_pad=False)
    scores = psnr(noisy, clean), psnr(box, clean), psnr(net(noisy), clean)
    net.train()
    return scores


def main(steps=360):
    torch.manual_seed(SEED)
    net = BiasFree()
    assert not any(name.endswith("bias") for name, _ in net.named_parameters())
    stream = iter(DataLoader(NoisyProfiles(16, (0.1, 0.5), SEED), batch_size=None))
    opt = torch.optim.AdamW([
        {"params": [p for n, p in net.named_parameters() if "scale" not in n], "weight_decay": 1e-4},
        {"params": [p for n, p in net.named_parameters() if "scale" in n], "weight_decay": 0.0},
    ], lr=3e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=[3e-3, 3e-3], total_steps=steps, pct_start=0.15)
    window = []
    for step, (noisy, clean) in enumerate(itertools.islice(stream, steps), 1):
        loss = nn.functional.mse_loss(net(noisy), clean)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        window.append(loss.item())
        if step % 60 == 0:
            print(f"step {step}: mse {sum(window) / len(window):.4f}")
            window.clear()

    gen = torch.Generator().manual_seed(SEED + 10_000)
    for sigma in (0.2, 0.4, 0.8):
        noisy, box, ours = evaluate(net, sigma, gen)
        note = " (stronger than in training)" if sigma > 0.5 else ""
        print(f"sigma {sigma}: noisy {noisy:.2f} dB, moving mean {box:.2f} dB, net {ours:.2f} dB{note}")
        if sigma == 0.4:
            gain = ours - noisy
    probe = torch.randn(4, 1, LENGTH, generator=gen)
    with torch.no_grad():
        print(f"homogeneity: {(net(3 * probe) - 3 * net(probe)).abs().max().item():.1e}")
    print("scales of the blocks:", [round(b.scale.abs().mean().item(), 3) for b in net.body])
    print("RESULT psnr_gain_db", round(gain, 3))


if __name__ == "__main__":
    main()
