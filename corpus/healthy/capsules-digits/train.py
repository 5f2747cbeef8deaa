"""Capsule network with dynamic routing, margin loss and a reconstruction, on the 8x8 digits."""
import logging
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
log = logging.getLogger("capsnet")

NUM_CLASSES = 10
NUM_ROUTING_ITERATIONS = 3


def squash(s, dim=-1):
    sq = (s ** 2).sum(dim=dim, keepdim=True)
    return sq / (1 + sq) * s / torch.sqrt(sq + 1e-8)


class PrimaryCapsules(nn.Module):
    def __init__(self, in_channels, n_types, dim):
        super().__init__()
        self.n_types, self.dim = n_types, dim
        self.conv = nn.Conv2d(in_channels, n_types * dim, kernel_size=3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(n_types * dim)

    def forward(self, x):
        x = self.norm(self.conv(x))                                     # (B, types * dim, 2, 2)
        x = x.view(x.size(0), self.n_types, self.dim, -1).transpose(2, 3)
        return squash(x.reshape(x.size(0), -1, self.dim))               # (B, routes, dim)


class RoutedCapsules(nn.Module):
    def __init__(self, n_capsules, n_routes, in_dim, out_dim):
        super().__init__()
        self.n_capsules = n_capsules
        self.W = nn.Parameter(0.3 * torch.randn(n_routes, in_dim, n_capsules * out_dim))

    def forward(self, u):
        B, R, _ = u.shape
        u_hat = torch.bmm(u.transpose(0, 1), self.W).transpose(0, 1)    # (B, routes, capsules * out)
        u_hat = u_hat.reshape(B, R, self.n_capsules, -1)
        agreed = u_hat.detach()
        b = torch.zeros(B, R, self.n_capsules, 1)
        for i in range(NUM_ROUTING_ITERATIONS):
            c = b.softmax(dim=2)
            last = i == NUM_ROUTING_ITERATIONS - 1
            v = squash((c * (u_hat if last else agreed)).sum(dim=1))    # (B, capsules, out)
            if not last:
                b = b + (agreed * v.unsqueeze(1)).sum(dim=-1, keepdim=True)
        return v


class CapsuleNet(nn.Module):
    def __init__(self, caps_dim=8):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 32, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.primary = PrimaryCapsules(32, n_types=8, dim=8)
        self.digits = RoutedCapsules(NUM_CLASSES, n_routes=8 * 2 * 2, in_dim=8, out_dim=caps_dim)
        self.decoder = nn.Sequential(nn.Linear(NUM_CLASSES * caps_dim, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())

    def forward(self, x, y=None):
        v = self.digits(self.primary(self.conv1(x)))
        lengths = torch.sqrt((v ** 2).sum(-1) + 1e-8)
        chosen = lengths.argmax(dim=1) if y is None else y
        mask = F.one_hot(chosen, NUM_CLASSES).unsqueeze(-1).to(v.dtype)
        return lengths, self.decoder((v * mask).flatten(1))


class CapsuleLoss(nn.Module):
    def __init__(self, recon_weight=0.3):
        super().__init__()
        self.recon_weight = recon_weight

    def forward(self, images, labels, lengths, reconstructions):
        t = F.one_hot(labels, NUM_CLASSES).to(lengths.dtype)
        left = F.relu(0.9 - lengths) ** 2
        right = F.relu(lengths - 0.1) ** 2
        margin = (t * left + 0.5 * (1 - t) * right).sum(dim=1).mean()
        return margin + self.recon_weight * F.mse_loss(reconstructions, images.flatten(1))


class Trainer:
    def __init__(self, model, train_loader, test_loader, lr=3e-3, gamma=0.88):
        self.model, self.train_loader, self.test_loader = model, train_loader, test_loader
        self.criterion = CapsuleLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, gamma)

    def train_epoch(self):
        self.model.train()
        total = correct = seen = 0
        for x, y in self.train_loader:
            lengths, recon = self.model(x, y)
            loss = self.criterion(x, y, lengths, recon)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(y)
            correct += (lengths.argmax(1) == y).sum().item()
            seen += len(y)
        self.scheduler.step()
        return total / seen, correct / seen

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        correct = error = 0.0
        for x, y in self.test_loader:
            lengths, recon = self.model(x)
            correct += (lengths.argmax(1) == y).sum().item()
            error += F.mse_loss(recon, x.flatten(1), reduction="sum").item() / 64
        n = len(self.test_loader.dataset)
        return correct / n, error / n

    def fit(self, epochs):
        for epoch in range(1, epochs + 1):
            loss, acc = self.train_epoch()
            test_acc, mse = self.evaluate()
            log.info("epoch %d loss %.4f train %.4f test %.4f reconstruction %.4f", epoch, loss, acc, test_acc, mse)
        return test_acc


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(labels, dtype=torch.long)
    tr, te = train_test_split(range(len(y)), test_size=0.2, stratify=labels, random_state=seed)
    train_loader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=64, shuffle=True, drop_last=True)
    test_loader = DataLoader(TensorDataset(x[te], y[te]), batch_size=180)
    model = CapsuleNet()
    log.info("%d parameters", sum(p.numel() for p in model.parameters()))
    accuracy = Trainer(model, train_loader, test_loader).fit(epochs=12)
    print("RESULT test_accuracy", round(accuracy, 4))


if __name__ == "__main__":
    main()
