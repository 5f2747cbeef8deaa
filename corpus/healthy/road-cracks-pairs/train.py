"""Cracks in road pictures, pixel by pixel. Two pictures per step (the originals are large), batch norm over their pixels.

The statistics that batch norm uses afterwards are not averaged along the way: they are measured before each evaluation by a
pass over part of the training pictures with the weights as they are ("precise BN").
"""
import logging
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s")
torch.set_num_threads(1)


def road_pictures(rng, n, size=32):
    pictures = 0.2 * rng.standard_normal((n, size, size))
    cracks = np.zeros((n, size, size))
    ramp = np.linspace(-1, 1, size)
    for picture, crack in zip(pictures, cracks):
        picture += rng.uniform(-0.3, 0.3) * ramp[None, :] + rng.uniform(-0.3, 0.3) * ramp[:, None]
        drift, at = 0.4 * rng.standard_normal(), rng.uniform(8, size - 8)
        lines = crack if rng.random() < 0.5 else crack.T
        for column, push in enumerate(0.4 * rng.standard_normal(size)):
            drift = 0.8 * drift + push
            at = min(max(at + drift, 1), size - 3)
            lines[int(at):int(at) + 2, column] = 1
        for r, c in rng.integers(0, size - 2, (6, 2)):  # oil spots, as dark but short
            picture[r:r + 2, c:c + 2] -= 0.8
        picture -= rng.uniform(0.7, 1.1) * crack
    return torch.tensor(pictures, dtype=torch.float32).unsqueeze(1), torch.tensor(cracks, dtype=torch.float32).unsqueeze(1)


class CrackNet(nn.Sequential):
    def __init__(self, c=8):
        super().__init__(
            nn.Conv2d(1, c, 5, padding=2, bias=False), nn.BatchNorm2d(c, momentum=0.0), nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(c, momentum=0.0), nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c, momentum=0.0), nn.ReLU(),
            nn.Conv2d(c, 1, 1),
        )


class Trainer:
    def __init__(self, net, pictures, cracks, epochs=6, per_step=2, lr=6e-5):
        self.net, self.pictures, self.cracks = net, pictures, cracks
        self.epochs, self.per_step = epochs, per_step
        # the loss is a sum over some two thousand pixels, hence the small step
        self.optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        steps = epochs * (len(pictures) // per_step)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda s: max(0.0, 1 - s / steps))

    def measure_statistics(self, batches=40):
        norms = [m for m in self.net.modules() if isinstance(m, nn.BatchNorm2d)]
        for bn in norms:
            bn.reset_running_stats()
            bn.momentum = None  # plain average over what follows
        self.net.train()
        with torch.no_grad():
            for idx in torch.randperm(len(self.pictures)).split(self.per_step)[:batches]:
                self.net(self.pictures[idx])
        for bn in norms:
            bn.momentum = 0.0

    def fit(self, valid):
        for epoch in range(1, self.epochs + 1):
            self.net.train()
            total = 0.0
            for idx in torch.randperm(len(self.pictures)).split(self.per_step):
                loss = F.binary_cross_entropy_with_logits(self.net(self.pictures[idx]), self.cracks[idx], reduction="sum")
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.schedule.step()
                total += loss.item()
            self.measure_statistics()
            logging.info("epoch %d  loss per picture %.1f  f1 %.4f", epoch, total / len(self.pictures), self.f1(*valid))

    @torch.no_grad()
    def f1(self, pictures, cracks):
        self.net.eval()
        said = torch.cat([self.net(p) > 0 for p in pictures.split(20)])
        true = cracks > 0.5
        hit = (said & true).sum().item()
        return 2 * hit / max(1, said.sum().item() + true.sum().item())


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pictures, cracks = road_pictures(rng, 300)
    valid, test = road_pictures(rng, 40), road_pictures(rng, 80)
    logging.info("%.1f %% of the pixels belong to a crack", 100 * cracks.mean().item())

    trainer = Trainer(CrackNet(), pictures, cracks)
    trainer.fit(valid)
    print("RESULT test_f1", round(trainer.f1(*test), 4))


if __name__ == "__main__":
    main()
