"""Fault classes of machine A are labelled, machine B only gives spectra. Features that do not tell the machines apart."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

BINS = 32
PEAKS = torch.tensor([5.0, 12.0, 20.0, 27.0])


class Machine:
    def __init__(self, hum):
        self.gain = 0.5 * torch.randn(BINS)
        self.hum = hum

    def spectra(self, n):
        kind = torch.randint(0, 4, (n,))
        bins = torch.arange(BINS).float()
        amp = 0.6 + 0.6 * torch.rand(n, 1)
        centre = PEAKS[kind][:, None] + 0.4 * torch.randn(n, 1)
        peak = torch.exp(-0.5 * ((bins - centre) / 1.5) ** 2)
        hum = self.hum * torch.exp(-0.5 * ((bins - 16.0) / 1.0) ** 2)
        return 2.5 * amp * peak + hum + self.gain - 0.03 * bins + 0.6 * torch.randn(n, BINS), kind


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(BINS, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.kind = nn.Linear(32, 4)
        self.machine = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x, strength=0.0):
        f = self.features(x)
        return self.kind(f), self.machine(Reverse.apply(f, strength)).squeeze(1)


class Trainer:
    def __init__(self, epochs=20, batch=64):
        a, b = Machine(hum=0.0), Machine(hum=1.5)
        self.xa, self.ya = a.spectra(1200)
        self.xb, _ = b.spectra(1200)
        self.xt, self.yt = b.spectra(600)
        mean, std = self.xa.mean(0), self.xa.std(0)
        self.xa, self.xb, self.xt = [(v - mean) / std for v in (self.xa, self.xb, self.xt)]
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=1e-3, weight_decay=1e-4)
        self.epochs, self.batch = epochs, batch

    def strength(self, progress):
        return 0.5 * (2 / (1 + math.exp(-10 * progress)) - 1)

    def run(self):
        per_epoch = len(self.xa) // self.batch
        for epoch in range(self.epochs):
            self.net.train()
            pa, pb = torch.randperm(len(self.xa)), torch.randperm(len(self.xb))
            sums = [0.0, 0.0]
            for k in range(per_epoch):
                ia = pa[k * self.batch:(k + 1) * self.batch]
                ib = pb[k * self.batch:(k + 1) * self.batch]
                lam = self.strength((epoch * per_epoch + k) / (self.epochs * per_epoch))
                kind, dom_a = self.net(self.xa[ia], lam)
                _, dom_b = self.net(self.xb[ib], lam)
                dom = torch.cat([dom_a, dom_b])
                truth = torch.cat([torch.zeros_like(dom_a), torch.ones_like(dom_b)])
                task = F.cross_entropy(kind, self.ya[ia])
                confusion = F.binary_cross_entropy_with_logits(dom, truth)
                self.opt.zero_grad()
                (task + confusion).backward()
                self.opt.step()
                sums[0] += task.item() / per_epoch
                sums[1] += confusion.item() / per_epoch
            if epoch % 4 == 3:
                print(f"epoch {epoch + 1}: class loss {sums[0]:.4f} machine loss {sums[1]:.4f} accuracy on B {self.score():.4f}")
        return self.score()

    @torch.no_grad()
    def score(self):
        self.net.eval()
        return (self.net(self.xt)[0].argmax(1) == self.yt).float().mean().item()


print("RESULT accuracy_machine_b", round(Trainer().run(), 4))
