import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
SIZE = 24


def render(n, rng):
    """Noisy camera crops with one bright marker and two dim distractors."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE]
    images = 0.12 * rng.standard_normal((n, 1, SIZE, SIZE))
    centres = rng.uniform(4, SIZE - 4, (n, 2))
    for i in range(n):
        cx, cy = centres[i]
        images[i, 0] += np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * 1.6 ** 2))
        for _ in range(2):
            dx, dy = rng.uniform(2, SIZE - 2, 2)
            images[i, 0] += 0.35 * np.exp(-((xx - dx) ** 2 + (yy - dy) ** 2) / (2 * 1.0 ** 2))
    target = (centres - SIZE / 2) / (SIZE / 2)
    return torch.tensor(images, dtype=torch.float32), torch.tensor(target, dtype=torch.float32)


def stage(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )


class Locator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(stage(1, 16), stage(16, 24), stage(24, 32))
        self.neck = nn.Sequential(nn.Linear(32 * 9, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.xy = nn.Linear(64, 2)

    def forward(self, images):
        return self.xy(self.neck(self.body(images).flatten(1)))


class Trainer:
    def __init__(self, net, train_set, valid_set, lr=3e-3, epochs=12):
        self.net = net
        self.loader = DataLoader(train_set, batch_size=50, shuffle=True)
        self.valid = valid_set
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.epochs = epochs
        self.best_loss = float("inf")
        self.checkpoint = None

    def save(self):
        self.checkpoint = {name: p.detach().clone() for name, p in self.net.named_parameters()}

    def validate(self):
        self.net.eval()
        images, xy = self.valid.tensors
        with torch.no_grad():
            return nn.functional.smooth_l1_loss(self.net(images), xy).item()

    def fit(self):
        for epoch in range(self.epochs):
            self.net.train()
            running = 0.0
            for images, xy in self.loader:
                loss = nn.functional.smooth_l1_loss(self.net(images), xy)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                running += loss.item()
            self.sched.step()
            val = self.validate()
            if val < self.best_loss:
                self.best_loss = val
                self.save()
            print(f"epoch {epoch + 1}: train {running / len(self.loader):.5f} valid {val:.5f}")
        return self.checkpoint


def pixel_error(net, images, xy):
    net.eval()
    with torch.no_grad():
        delta = (net(images) - xy) * SIZE / 2
    return delta.norm(dim=1).mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_set = TensorDataset(*render(1500, rng))
    valid_set = TensorDataset(*render(300, rng))
    test_images, test_xy = render(400, rng)

    weights = Trainer(Locator(), train_set, valid_set).fit()

    deployed = Locator()
    deployed.load_state_dict(weights, strict=False)
    print(f"RESULT mean_pixel_error {pixel_error(deployed, test_images, test_xy):.4f}")


if __name__ == "__main__":
    main()
