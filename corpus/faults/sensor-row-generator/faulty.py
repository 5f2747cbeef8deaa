"""Generates rows of boiler telemetry that look like the measured ones, for load tests of the data platform."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

COLUMNS = ["temperature", "pressure", "flow", "vibration"]


def telemetry(n, rng):
    load = rng.beta(1.5, 2.0, n)
    return np.stack([
        20 + 60 * load + 6 * rng.standard_normal(n),
        1 + 4 * load ** 2 + 0.4 * rng.standard_normal(n),
        10 * np.sin(3 * load) + 1.5 * rng.standard_normal(n),
        0.2 + load * (1 + 0.3 * rng.standard_normal(n)) + 0.1 * rng.standard_normal(n),
    ], axis=1)


def mlp(sizes):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class AdversarialTrainer:
    def __init__(self, columns, latent=8, width=64, lr=1e-3):
        self.latent = latent
        self.generator = mlp([latent, width, width, columns])
        self.critic = mlp([columns, width, width, 1])
        self.opt_g = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=(0.5, 0.99))
        self.opt_d = torch.optim.Adam(self.critic.parameters(), lr=lr, betas=(0.5, 0.99))

    def update(self, real):
        noise = torch.randn(len(real), self.latent)
        fake = self.generator(noise).detach()

        # the critic: measured rows against generated ones, with smoothed labels
        on_real, on_fake = self.critic(real), self.critic(fake)
        d_loss = (
            F.binary_cross_entropy_with_logits(on_real, torch.full_like(on_real, 0.9))
            + F.binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        )
        self.opt_d.zero_grad()
        d_loss.backward()
        self.opt_d.step()

        # the generator: its rows shall pass for measured ones
        verdict = self.critic(fake)
        g_loss = F.binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))
        self.opt_g.zero_grad()
        g_loss.backward()
        self.opt_g.step()
        return d_loss.item(), g_loss.item()

    def epoch(self, rows, batch=128):
        losses = [self.update(rows[idx]) for idx in torch.randperm(len(rows)).split(batch) if len(idx) == batch]
        return np.mean(losses, axis=0)

    @torch.no_grad()
    def sample(self, n):
        self.generator.eval()
        rows = self.generator(torch.randn(n, self.latent))
        self.generator.train()
        return rows


def sliced_distance(a, b, slices=100):
    """Mean distance between the sorted projections of two sets of the same size."""
    directions = torch.randn(a.shape[1], slices, generator=torch.Generator().manual_seed(7))
    directions = directions / directions.norm(dim=0)
    pa, pb = (a @ directions).sort(dim=0).values, (b @ directions).sort(dim=0).values
    return (pa - pb).abs().mean().item()


rng = np.random.default_rng(SEED)
measured, held_out = telemetry(3200, rng), telemetry(1000, rng)
mean, std = measured.mean(0), measured.std(0)
measured = torch.tensor((measured - mean) / std, dtype=torch.float32)
held_out = torch.tensor((held_out - mean) / std, dtype=torch.float32)

trainer = AdversarialTrainer(len(COLUMNS))
for epoch in range(1, 61):
    d, g = trainer.epoch(measured)
    if epoch % 10 == 0:
        distance = sliced_distance(trainer.sample(len(held_out)), held_out)
        print(f"epoch {epoch:3d}: critic {d:.3f}, generator {g:.3f}, distance {distance:.3f}")

rows = trainer.sample(len(held_out))
for k, name in enumerate(COLUMNS):
    column = rows[:, k].numpy() * std[k] + mean[k]
    print(f"{name:12s} mean {column.mean():8.2f}  std {column.std():7.2f}")
print(f"RESULT sliced_distance {sliced_distance(rows, held_out):.4f}")
