import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)

config = dict(noise=2, hidden=48, batch=128, iters=2500, lr_g=1e-3, lr_d=1e-3)


def sample_real(n):
    u = np.random.uniform(-1, 1, n)
    pts = np.stack([u, 1.5 * u ** 2 - 0.5 + 0.05 * np.random.randn(n)], 1)
    return torch.from_numpy(pts.astype("float32"))


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


generator = nn.Sequential(
    nn.Linear(config["noise"], config["hidden"]), nn.Tanh(),
    nn.Linear(config["hidden"], config["hidden"]), nn.Tanh(),
    nn.Linear(config["hidden"], 2))
discriminator = nn.Sequential(
    nn.Linear(2, config["hidden"]), nn.LeakyReLU(0.1),
    nn.Linear(config["hidden"], config["hidden"]), nn.LeakyReLU(0.1),
    nn.Linear(config["hidden"], 1))
bce = nn.BCEWithLogitsLoss()
opt_G = torch.optim.Adam(generator.parameters(), lr=config["lr_g"], betas=(0.5, 0.999))
opt_D = torch.optim.Adam(discriminator.parameters(), lr=config["lr_d"], betas=(0.5, 0.999))
ones, zeros = torch.ones(config["batch"], 1), torch.zeros(config["batch"], 1)

for it in range(config["iters"]):
    real = sample_real(config["batch"])
    fake = generator(torch.randn(config["batch"], config["noise"]))

    opt_D.zero_grad()
    d_loss = bce(discriminator(real), ones * 0.9) + bce(discriminator(fake.detach()), zeros)
    d_loss.backward()
    opt_D.step()

    opt_G.zero_grad()
    g_loss = bce(discriminator(fake), ones)
    g_loss.backward()
    opt_G.step()

    if it % 250 == 0:
        print("iter %d  D %.4f  G %.4f" % (it, d_loss.item(), g_loss.item()))

with torch.no_grad():
    made = generator(torch.randn(1500, config["noise"]))
print("RESULT energy_distance", round(energy_distance(made, sample_real(1500)), 4))
