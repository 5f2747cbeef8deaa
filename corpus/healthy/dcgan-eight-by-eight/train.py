from __future__ import print_function

import argparse
import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--batchSize", type=int, default=32, help="input batch size")
parser.add_argument("--nz", type=int, default=16, help="size of the latent z vector")
parser.add_argument("--ngf", type=int, default=24)
parser.add_argument("--ndf", type=int, default=24)
parser.add_argument("--niter", type=int, default=12, help="number of epochs to train for")
parser.add_argument("--lrG", type=float, default=1e-3)
parser.add_argument("--lrD", type=float, default=5e-4)
parser.add_argument("--beta1", type=float, default=0.5)
parser.add_argument("--manualSeed", type=int, default=int(os.environ.get("SEED", "0")))
opt = parser.parse_args()
print(opt)

random.seed(opt.manualSeed)
np.random.seed(opt.manualSeed)
torch.manual_seed(opt.manualSeed)

images = load_digits().images.astype(np.float32) / 8.0 - 1.0     # [-1, 1], like the tanh of the generator
order = np.random.permutation(len(images))
train_images, test_images = images[order[:1500]], images[order[1500:]]
dataset = TensorDataset(torch.from_numpy(train_images).unsqueeze(1))
dataloader = DataLoader(dataset, batch_size=opt.batchSize, shuffle=True, drop_last=True)


def weights_init(m):
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


class Generator(nn.Module):
    def __init__(self, nz, ngf):
        super().__init__()
        self.main = nn.Sequential(
            # z: nz x 1 x 1
            nn.ConvTranspose2d(nz, ngf * 2, 2, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            # (ngf*2) x 2 x 2
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            # ngf x 4 x 4
            nn.ConvTranspose2d(ngf, 1, 4, 2, 1),
            nn.Tanh(),
            # 1 x 8 x 8
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self, ndf):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, ndf, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            # ndf x 4 x 4
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout(0.2),
            # (ndf*2) x 2 x 2
            nn.Conv2d(ndf * 2, 1, 2, 1, 0),
        )

    def forward(self, x):
        return self.main(x).view(-1)


def frechet(a, b):
    ca, cb = np.cov(a.T), np.cov(b.T)
    roots = np.sqrt(np.clip(np.linalg.eigvals(ca @ cb).real, 0, None)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * roots)


netG = Generator(opt.nz, opt.ngf)
netG.apply(weights_init)
netD = Discriminator(opt.ndf)
netD.apply(weights_init)

criterion = nn.BCEWithLogitsLoss()
real_label, fake_label = 0.9, 0.0
optimizerD = optim.Adam(netD.parameters(), lr=opt.lrD, betas=(opt.beta1, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=opt.lrG, betas=(opt.beta1, 0.999))

for epoch in range(opt.niter):
    for i, (real,) in enumerate(dataloader):
        b = real.size(0)
        # (1) the discriminator: once on real pictures, once on fakes
        netD.zero_grad()
        out = netD(real)
        errD_real = criterion(out, torch.full((b,), real_label))
        errD_real.backward()
        D_x = out.detach().sigmoid().mean().item()

        noise = torch.randn(b, opt.nz, 1, 1)
        fake = netG(noise)
        out = netD(fake.detach())
        errD_fake = criterion(out, torch.full((b,), fake_label))
        errD_fake.backward()
        D_G_z1 = out.detach().sigmoid().mean().item()
        optimizerD.step()

        # (2) the generator: fakes are to be taken for real
        netG.zero_grad()
        out = netD(fake)
        errG = criterion(out, torch.ones(b))
        errG.backward()
        optimizerG.step()

    print("[%d/%d] Loss_D: %.4f Loss_G: %.4f D(x): %.3f D(G(z)): %.3f" % (
        epoch + 1, opt.niter, errD_real.item() + errD_fake.item(), errG.item(), D_x, D_G_z1))

# distance between the pictures made and the ones held out, in the space of the main components
netG.eval()
with torch.no_grad():
    made = netG(torch.randn(1000, opt.nz, 1, 1)).reshape(1000, 64).numpy()
flat, held_out = train_images.reshape(-1, 64), test_images.reshape(-1, 64)
pca = PCA(16, random_state=0).fit(flat)
shuffled = np.stack([np.random.permutation(column) for column in flat.T], axis=1)
grey = flat.mean(0) + 0.05 * np.random.randn(1000, 64)
for name, x in (("real", flat), ("pixels shuffled", shuffled), ("grey mean", grey)):
    print("frechet of %-16s %.3f" % (name, frechet(pca.transform(x), pca.transform(held_out))))
for row in made[0].reshape(8, 8):
    print("".join(" .:*#"[min(4, int((v + 1) * 2.5))] for v in row))
print("RESULT frechet_pca16", round(frechet(pca.transform(made), pca.transform(held_out)), 4))
