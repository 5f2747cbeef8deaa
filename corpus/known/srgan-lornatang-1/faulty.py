import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

epochs = 6
lr = 1e-3
batch_size = 32


class ResidualBlock(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(ch, ch, 3, padding=1), nn.BatchNorm2d(ch), nn.PReLU(),
            nn.Conv2d(ch, ch, 3, padding=1), nn.BatchNorm2d(ch),
        )

    def forward(self, x):
        return x + self.body(x)


class Generator(nn.Module):
    def __init__(self, ch=24, blocks=2):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, ch, 3, padding=1), nn.PReLU())
        self.trunk = nn.Sequential(*[ResidualBlock(ch) for _ in range(blocks)])
        self.conv2 = nn.Sequential(nn.Conv2d(ch, ch, 3, padding=1), nn.BatchNorm2d(ch))
        self.upsampling = nn.Sequential(nn.Conv2d(ch, 4 * ch, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())
        self.conv3 = nn.Conv2d(ch, 1, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out = out1 + self.conv2(self.trunk(out1))
        return self.conv3(self.upsampling(out))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(512, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1),
        )

    def forward(self, x):
        return self.features(x)


hr = torch.tensor(load_digits().images / 16.0, dtype=torch.float32).unsqueeze(1)
hr = hr[torch.randperm(len(hr))]
lr_images = F.avg_pool2d(hr, 2)
train_set = DataLoader(TensorDataset(lr_images[:1400], hr[:1400]), batch_size=batch_size, shuffle=True)
val_lr, val_hr = lr_images[1400:], hr[1400:]

netG, netD = Generator(), Discriminator()
optimizerG = torch.optim.Adam(netG.parameters(), lr=lr)
optimizerD = torch.optim.Adam(netD.parameters(), lr=lr)
schedulerG = torch.optim.lr_scheduler.StepLR(optimizerG, step_size=epochs // 2, gamma=0.1)
schedulerD = torch.optim.lr_scheduler.StepLR(optimizerD, step_size=epochs // 2, gamma=0.1)
content_criterion = nn.MSELoss()
adversarial_criterion = nn.BCEWithLogitsLoss()

for epoch in range(epochs):
    netG.train()
    netD.train()
    lossD = lossG = 0.0
    for lr_batch, hr_batch in train_set:
        real = torch.ones(len(hr_batch), 1)
        fake = torch.zeros(len(hr_batch), 1)

        sr = netG(lr_batch)
        optimizerD.zero_grad()
        errD = adversarial_criterion(netD(hr_batch), real) + adversarial_criterion(netD(sr.detach()), fake)
        errD.backward()
        optimizerD.step()

        optimizerG.zero_grad()
        errG = content_criterion(sr, hr_batch) + 1e-3 * adversarial_criterion(netD(sr), real)
        errG.backward()
        optimizerG.step()
        lossD += errD.item() / len(train_set)
        lossG += errG.item() / len(train_set)
        for scheduler in (schedulerD, schedulerG):
            scheduler.step()

    netG.eval()
    with torch.no_grad():
        mse = F.mse_loss(netG(val_lr).clamp(0, 1), val_hr).item()
    psnr = -10 * math.log10(mse)
    print(f"[{epoch + 1}/{epochs}] Loss_D: {lossD:.4f} Loss_G: {lossG:.5f} PSNR: {psnr:.2f} dB")

print(f"RESULT psnr {psnr:.3f}")
