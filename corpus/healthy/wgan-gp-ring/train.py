import math
import os

import torch
from torch import autograd, nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

angles = torch.arange(8) * (2 * math.pi / 8)
CENTERS = torch.stack([angles.cos(), angles.sin()], 1) * 1.5


def real_samples(n):
    which = torch.randint(0, 8, (n,))
    return CENTERS[which] + 0.08 * torch.randn(n, 2)


def net(n_in, n_out, width=64):
    return nn.Sequential(
        nn.Linear(n_in, width), nn.LeakyReLU(0.2),
        nn.Linear(width, width), nn.LeakyReLU(0.2),
        nn.Linear(width, n_out),
    )


class WGAN:
    def __init__(self, z_dim=4, gp_weight=0.5, n_critic=3):
        self.z_dim, self.gp_weight, self.n_critic = z_dim, gp_weight, n_critic
        self.G = net(z_dim, 2)
        self.D = net(2, 1)
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=1e-3, betas=(0.5, 0.9))
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=2e-3, betas=(0.5, 0.9))

    def sample(self, n):
        return self.G(torch.randn(n, self.z_dim))

    def gradient_penalty(self, real, fake):
        eps = torch.rand(real.size(0), 1)
        mix = (eps * real + (1 - eps) * fake).requires_grad_(True)
        score = self.D(mix)
        grads = autograd.grad(score.sum(), mix, create_graph=True)[0]
        return ((grads.norm(2, dim=1) - 1) ** 2).mean()

    def critic_step(self, batch):
        real = real_samples(batch)
        fake = self.sample(batch).detach()
        gap = self.D(fake).mean() - self.D(real).mean()
        loss = gap + self.gp_weight * self.gradient_penalty(real, fake)
        self.opt_d.zero_grad(set_to_none=True)
        loss.backward()
        self.opt_d.step()
        return -gap.item()

    def generator_step(self, batch):
        for p in self.D.parameters():
            p.requires_grad_(False)
        loss = -self.D(self.sample(batch)).mean()
        self.opt_g.zero_grad(set_to_none=True)
        loss.backward()
        self.opt_g.step()
        for p in self.D.parameters():
            p.requires_grad_(True)

    def fit(self, steps, batch=256):
        for step in range(1, steps + 1):
            for _ in range(self.n_critic):
                w = self.critic_step(batch)
            self.generator_step(batch)
            if step % 150 == 0:
                print(f"step {step:4d} wasserstein estimate {w:.4f} energy distance {self.quality()[0]:.4f}")

    @torch.no_grad()
    def quality(self, n=1500):
        a, b = self.sample(n), real_samples(n)
        energy = 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
        modes = torch.cdist(a, CENTERS).argmin(1).unique()
        return energy.item(), len(modes)


gan = WGAN()
gan.fit(800)
energy, modes = gan.quality()
print(f"modes covered {modes} of 8")
print(f"RESULT energy_distance {energy:.4f}")
