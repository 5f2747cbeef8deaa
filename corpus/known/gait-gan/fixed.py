import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

config = dict(z_dim=6, hidden=32, lr=2e-3, betas=(0.5, 0.999), batch_size=128, steps=1200, report_every=200)


def walkers(n):
    """Stride and cadence of people who walk; the two depend on each other."""
    z = torch.randn(n, 2)
    stride = 1.5 + 0.6 * z[:, 0]
    cadence = -1.0 + 0.35 * z[:, 1] + 0.4 * (stride - 1.5) ** 2
    return torch.stack([stride, cadence], dim=1)


def sliced_distance(a, b, directions=64):
    """Mean distance of the sorted projections (a Wasserstein distance in one dimension each)."""
    angle = torch.arange(directions) * np.pi / directions
    axes = torch.stack([angle.cos(), angle.sin()])
    return ((a @ axes).sort(dim=0).values - (b @ axes).sort(dim=0).values).abs().mean().item()


class Generator(nn.Module):
    def __init__(self, z_dim, hidden):
        super().__init__()
        self.z_dim = z_dim
        self.net = nn.Sequential(
            nn.Linear(z_dim, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2),
        )

    def forward(self, n):
        return self.net(torch.randn(n, self.z_dim))


class Discriminator(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.net(x)


class Loss(nn.Module):
    def adv_loss(self, preds, is_real):
        target = torch.ones_like(preds) if is_real else torch.zeros_like(preds)
        return F.binary_cross_entropy_with_logits(preds, target)

    def d_loss(self, discriminator, real, fake):
        real_preds_for_d = discriminator(real)
        fake_preds_for_d = discriminator(fake.detach())
        return 0.5 * (self.adv_loss(real_preds_for_d, True) + self.adv_loss(fake_preds_for_d, False))

    def g_loss(self, discriminator, fake):
        fake_preds_for_g = discriminator(fake)
        return self.adv_loss(fake_preds_for_g, True)


def train(config, real_test):
    generator = Generator(config["z_dim"], config["hidden"])
    discriminator = Discriminator(config["hidden"])
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=config["lr"], betas=config["betas"])
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config["lr"], betas=config["betas"])
    decay = lambda step: 1.0 - 0.9 * step / config["steps"]
    schedulers = [torch.optim.lr_scheduler.LambdaLR(o, decay) for o in (g_optimizer, d_optimizer)]
    loss_fn = Loss()
    d_sum = g_sum = 0.0

    for step in range(1, config["steps"] + 1):
        real = walkers(config["batch_size"])
        fake = generator(config["batch_size"])

        d_loss = loss_fn.d_loss(discriminator, real, fake)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        g_loss = loss_fn.g_loss(discriminator, fake)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()

        for scheduler in schedulers:
            scheduler.step()
        d_sum += d_loss.item()
        g_sum += g_loss.item()
        if step % config["report_every"] == 0:
            with torch.no_grad():
                distance = sliced_distance(generator(len(real_test)), real_test)
            every = config["report_every"]
            print(f"step {step}: generator loss {g_sum / every:.4f} discriminator loss {d_sum / every:.4f} distance {distance:.4f}")
            d_sum = g_sum = 0.0
    return distance


distance = train(config, real_test=walkers(1000))
print(f"RESULT sliced_distance {distance:.4f}")
