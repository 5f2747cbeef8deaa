import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser(description="single view depth")
parser.add_argument("-b", "--batch-size", default=16, type=int)
parser.add_argument("-s", "--smooth-loss-weight", default=0.02, type=float)
parser.add_argument("--epochs", default=10, type=int)
parser.add_argument("--lr", default=2e-3, type=float)
parser.add_argument("--scheduler", default="step", choices=["none", "step"])
parser.add_argument("--step-size", default=100, type=int, help="iterations between two decays")
args = parser.parse_args()

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class StreetScenes(Dataset):
    """Grey pictures of a road in the haze with a few boxes on it, and their depth."""

    def __init__(self, n, seed, size=16):
        rng = np.random.default_rng(seed)
        self.samples = []
        for _ in range(n):
            far = rng.uniform(3.5, 5.0)
            depth = np.full((size, size), far, dtype=np.float32)
            rows = np.linspace(0.0, 1.0, size // 2)[:, None]
            depth[size // 2:] = far - rows * (far - 1.5)
            albedo = np.full((size, size), 1.0, dtype=np.float32)
            for _ in range(rng.integers(1, 4)):
                h, w = rng.integers(3, 8, size=2)
                top, left = rng.integers(0, size - h), rng.integers(0, size - w)
                depth[top:top + h, left:left + w] = rng.uniform(1.0, 3.0)
                albedo[top:top + h, left:left + w] = rng.uniform(0.95, 1.05)
            image = albedo * np.exp(-0.4 * depth) + rng.normal(0, 0.01, (size, size))
            image = (image - 0.3) / 0.17
            self.samples.append((torch.tensor(image, dtype=torch.float32)[None], torch.tensor(depth)[None]))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


class DispNet(nn.Module):
    def __init__(self, alpha=1.0, beta=0.1):
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.conv1 = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.upconv1 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.upconv0 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.predict = nn.Conv2d(17, 1, 3, padding=1)

    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        out2 = F.relu(self.conv2(out1))
        up1 = F.relu(self.upconv1(out2))
        up0 = F.relu(self.upconv0(torch.cat([up1, out1], 1)))
        return self.alpha * torch.sigmoid(self.predict(torch.cat([up0, x], 1))) + self.beta


def smooth_loss(disp):
    return (disp[..., 1:] - disp[..., :-1]).abs().mean() + (disp[..., 1:, :] - disp[..., :-1, :]).abs().mean()


def train(loader, net, optimizer, scheduler):
    net.train()
    losses = []
    for image, depth in loader:
        disp = net(image)
        loss = F.l1_loss(disp, 1 / depth) + args.smooth_loss_weight * smooth_loss(disp)
        optimizer.zero_grad()
        loss.backward()
        if scheduler is not None:
            scheduler.step()
        else:
            optimizer.step()
        losses.append(loss.item())
    return np.mean(losses)


@torch.no_grad()
def validate(loader, net):
    net.eval()
    errors = [((1 / net(image) - depth).abs() / depth).mean().item() for image, depth in loader]
    return np.mean(errors)


def main():
    train_loader = DataLoader(StreetScenes(320, SEED), args.batch_size, shuffle=True)
    val_loader = DataLoader(StreetScenes(80, SEED + 1000), args.batch_size)
    net = DispNet()
    optimizer = torch.optim.Adam(net.parameters(), args.lr, betas=(0.9, 0.999))
    scheduler = None
    if args.scheduler == "step":
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, args.step_size, gamma=0.5)
    for epoch in range(args.epochs):
        loss = train(train_loader, net, optimizer, scheduler)
        abs_rel = validate(val_loader, net)
        print(f"epoch {epoch}: loss {loss:.4f} abs_rel {abs_rel:.4f} lr {optimizer.param_groups[0]['lr']:.2e}")
    print(f"RESULT abs_rel {abs_rel:.4f}")


if __name__ == "__main__":
    main()
