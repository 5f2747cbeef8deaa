# Spectra of camera A as camera B would have seen them, and back.
# Many spectra of either camera alone, few of both: pairs + cycle consistency + least-squares discriminators.
import itertools
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

N_A, N_B, N_PAIRS, N_TEST = 1500, 1500, 120, 400
DIM_A, DIM_B = 24, 20
LAMBDA_PAIR, LAMBDA_CYCLE, LAMBDA_ADV = 5.0, 1.0, 0.05
STEPS, BATCH = 900, 64

# --- data: three pigments, two cameras with their own bands and their own saturation
grid_a, grid_b = np.linspace(0, 1, DIM_A), np.linspace(0.05, 0.95, DIM_B)
centres, widths = np.array([0.2, 0.5, 0.8]), np.array([0.12, 0.18, 0.12])
bands_a = np.exp(-((grid_a[None] - centres[:, None]) / widths[:, None]) ** 2)
bands_b = np.exp(-((grid_b[None] - centres[:, None] - 0.04) / (1.3 * widths[:, None])) ** 2)


def pigments(n):
    return rng.uniform(0, 1.5, (n, 3))


def camera_a(z):
    return np.tanh(z @ bands_a) + 0.02 * rng.standard_normal((len(z), DIM_A))


def camera_b(z):
    v = z @ bands_b
    return v / (1 + 0.4 * v) + 0.02 * rng.standard_normal((len(z), DIM_B))


a_all, b_all = camera_a(pigments(N_A)), camera_b(pigments(N_B))
z_pair, z_test = pigments(N_PAIRS), pigments(N_TEST)
a_pair, b_pair = camera_a(z_pair), camera_b(z_pair)
a_test, b_test = camera_a(z_test), camera_b(z_test)

mu_a, sd_a, mu_b, sd_b = a_all.mean(0), a_all.std(0), b_all.mean(0), b_all.std(0)
A = torch.tensor((a_all - mu_a) / sd_a, dtype=torch.float32)
B = torch.tensor((b_all - mu_b) / sd_b, dtype=torch.float32)
Ap, At = (torch.tensor((v - mu_a) / sd_a, dtype=torch.float32) for v in (a_pair, a_test))
Bp, Bt = (torch.tensor((v - mu_b) / sd_b, dtype=torch.float32) for v in (b_pair, b_test))


# --- networks
def translator(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, n_out))


def critic(n_in):
    return nn.Sequential(nn.Linear(n_in, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))


G_ab, G_ba = translator(DIM_A, DIM_B), translator(DIM_B, DIM_A)
D_a, D_b = critic(DIM_A), critic(DIM_B)
opt_g = torch.optim.Adam(itertools.chain(G_ab.parameters(), G_ba.parameters()), lr=2e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(itertools.chain(D_a.parameters(), D_b.parameters()), lr=5e-4, betas=(0.5, 0.999))
decay = lambda s: 1.0 if s < STEPS // 2 else 2.0 * (1 - s / STEPS) + 0.01
sched_g = torch.optim.lr_scheduler.LambdaLR(opt_g, decay)
sched_d = torch.optim.lr_scheduler.LambdaLR(opt_d, decay)


def set_requires_grad(nets, flag):
    for net in nets:
        for p in net.parameters():
            p.requires_grad_(flag)


def r2(guess, truth):
    return (1 - (guess - truth).pow(2).sum() / (truth - truth.mean(0)).pow(2).sum()).item()


def evaluate():
    with torch.no_grad():
        return r2(G_ab(At), Bt), r2(G_ba(Bt), At)


# --- training
for step in range(1, STEPS + 1):
    a, b = A[torch.randint(0, N_A, (BATCH,))], B[torch.randint(0, N_B, (BATCH,))]
    k = torch.randint(0, N_PAIRS, (BATCH,))

    set_requires_grad([D_a, D_b], False)
    fake_b, fake_a = G_ab(a), G_ba(b)
    cycle = F.l1_loss(G_ba(fake_b), a) + F.l1_loss(G_ab(fake_a), b)
    paired = F.mse_loss(G_ab(Ap[k]), Bp[k]) + F.mse_loss(G_ba(Bp[k]), Ap[k])
    adv = (D_b(fake_b) - 1).pow(2).mean() + (D_a(fake_a) - 1).pow(2).mean()
    loss_g = LAMBDA_PAIR * paired + LAMBDA_CYCLE * cycle + LAMBDA_ADV * adv
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()

    set_requires_grad([D_a, D_b], True)
    loss_d = 0.5 * ((D_b(b) - 1).pow(2).mean() + D_b(fake_b.detach()).pow(2).mean()
                    + (D_a(a) - 1).pow(2).mean() + D_a(fake_a.detach()).pow(2).mean())
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    sched_g.step()
    sched_d.step()

    if step % 100 == 0:
        ab, ba = evaluate()
        print(f"[{step}/{STEPS}] pair {paired.item():.4f} cycle {cycle.item():.4f} adv {adv.item():.4f} "
              f"D {loss_d.item():.4f} | held out A>B {ab:.4f} B>A {ba:.4f}")

ab, ba = evaluate()
print("RESULT translation_r2", round((ab + ba) / 2, 4))
