import argparse
import os

import torch
from torch import nn

LENGTH = 64


def recordings(tones, per_tone):
    """Noisy hums: a tone and its octave at a random phase."""
    label = torch.arange(len(tones)).repeat_interleave(per_tone)
    t = torch.arange(LENGTH) / LENGTH * 2 * torch.pi
    f = torch.tensor(tones)[label, None]
    phase = 6.28 * torch.rand(len(label), 2)
    hum = torch.sin(f * t + phase[:, :1]) + 0.5 * torch.sin(2 * f * t + phase[:, 1:])
    return hum[:, None] + 1.2 * torch.randn(len(label), 1, LENGTH), label


class Ear(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Conv1d(1, 32, 17, padding=8)
        self.high = nn.Conv1d(32, 32, 5, padding=2)

    def forward(self, x):
        return torch.relu(self.high(torch.relu(self.low(x)))).mean(2)


def fit(model, optimizer, x, y, epochs, batch):
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / len(x)
        if (epoch + 1) % (epochs // 4) == 0:
            print(f"  {epoch + 1:3d}  {total:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ear-lr", type=float, default=1e-4)
    parser.add_argument("--head-lr", type=float, default=1e-2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    ear = Ear()
    print("many machines")
    plant = nn.Sequential(ear, nn.Linear(32, 8))
    x, y = recordings([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 200)
    fit(plant, torch.optim.Adam(plant.parameters(), lr=2e-3), x, y, 10, 40)
    print("new machines")
    head = nn.Linear(32, 6)
    model = nn.Sequential(ear, head)
    optimizer = torch.optim.Adam(
        [{"params": ear.parameters(), "lr": args.ear_lr}, {"params": head.parameters(), "lr": args.head_lr}]
    )
    tones = [2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
    x, y = recordings(tones, 3)
    fit(model, optimizer, x, y, 40, 10)
    x, y = recordings(tones, 250)
    with torch.no_grad():
        print(f"RESULT accuracy {(model(x).argmax(1) == y).float().mean().item():.4f}")


main()
