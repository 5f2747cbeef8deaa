"""Sub-pixel convolution: twice the resolution for small drawn scenes."""
import argparse
import os
import tempfile
from math import log10

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

parser = argparse.ArgumentParser(description="PyTorch super resolution, small")
parser.add_argument("--upscale_factor", type=int, default=2)
parser.add_argument("--batchSize", type=int, default=16)
parser.add_argument("--testBatchSize", type=int, default=24)
parser.add_argument("--nEpochs", type=int, default=12)
parser.add_argument("--lr", type=float, default=0.003)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
opt = parser.parse_args()
torch.manual_seed(opt.seed)


def draw_scene(rng, size=24):
    yy, xx = np.mgrid[0:size, 0:size].astype(np.float64)
    img = np.full((size, size), rng.uniform(0.1, 0.4))
    for _ in range(3):
        cx, cy = rng.uniform(4, size - 4, 2)
        r, level, turn = rng.uniform(3, 7), rng.uniform(0.2, 1.0), rng.uniform(0, np.pi)
        u = np.cos(turn) * (xx - cx) + np.sin(turn) * (yy - cy)
        v = -np.sin(turn) * (xx - cx) + np.cos(turn) * (yy - cy)
        kind = rng.integers(3)
        if kind == 0:
            outside = np.hypot(u, v) - r
        elif kind == 1:
            outside = np.maximum(np.abs(u) - r, np.abs(v) - 0.6 * r)
        else:
            outside = (np.abs(u) + np.abs(v) - r) / np.sqrt(2)
        cover = 1.0 / (1.0 + np.exp(outside / 0.25))
        img = img * (1 - cover) + level * cover
    return img.astype(np.float32)


class SceneDataset(Dataset):
    def __init__(self, n, factor, seed):
        rng = np.random.default_rng(seed)
        self.high = torch.from_numpy(np.stack([draw_scene(rng) for _ in range(n)])).unsqueeze(1)
        self.low = F.avg_pool2d(self.high, factor)

    def __len__(self):
        return len(self.high)

    def __getitem__(self, i):
        return self.low[i], self.high[i]


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 20, 5, padding=2)
        self.conv2 = nn.Conv2d(20, 20, 3, padding=1)
        self.conv3 = nn.Conv2d(20, 12, 3, padding=1)
        self.conv4 = nn.Conv2d(12, upscale_factor ** 2, 3, padding=1)
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, low):
        x = self.relu(self.conv1(low - 0.4))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        return bicubic(low, self.upscale_factor) + self.pixel_shuffle(self.conv4(x))

    def _initialize_weights(self):
        for conv in (self.conv1, self.conv2, self.conv3):
            init.orthogonal_(conv.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight, gain=0.1)


def bicubic(low, factor):
    return F.interpolate(low, scale_factor=factor, mode="bicubic", align_corners=False)


print("===> Drawing the scenes")
train_set = SceneDataset(480, opt.upscale_factor, seed=1000 + opt.seed)
test_set = SceneDataset(96, opt.upscale_factor, seed=900000 + opt.seed)
training_data_loader = DataLoader(train_set, batch_size=opt.batchSize, shuffle=True)
testing_data_loader = DataLoader(test_set, batch_size=opt.testBatchSize, shuffle=False)

print("===> Building the model")
model = Net(opt.upscale_factor)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=opt.lr)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[8, 11], gamma=0.3)


def train(epoch):
    model.train()
    epoch_loss = 0.0
    for low, high in training_data_loader:
        optimizer.zero_grad()
        loss = criterion(model(low), high)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"===> Epoch {epoch} complete: avg. loss {epoch_loss / len(training_data_loader):.5f}")


def test(upscaler):
    total = 0.0
    with torch.no_grad():
        for low, high in testing_data_loader:
            for picture, truth in zip(upscaler(low).clamp(0, 1), high):
                total += 10 * log10(1.0 / criterion(picture, truth).item())
    return total / len(test_set)


def checkpoint(folder, epoch):
    path = os.path.join(folder, f"model_epoch_{epoch}.pth")
    torch.save(model.state_dict(), path)
    return path


with tempfile.TemporaryDirectory() as folder:
    for epoch in range(1, opt.nEpochs + 1):
        train(epoch)
        if epoch % 4 == 0:
            model.eval()
            print(f"===> Avg. PSNR {test(model):.3f} dB")
            path = checkpoint(folder, epoch)
    final = Net(opt.upscale_factor)
    final.load_state_dict(torch.load(path))
    final.eval()

plain = test(lambda low: bicubic(low, opt.upscale_factor))
sharp = test(final)
print(f"bicubic {plain:.3f} dB, network {sharp:.3f} dB")
print("RESULT psnr_gain_db", round(sharp - plain, 4))
