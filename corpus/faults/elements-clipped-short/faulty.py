"""Which of five gaits: a 1-D convolutional network on three noisy axes of an accelerometer, Nesterov SGD."""

import argparse
import math
import os

import torch
from torch import nn
from torch.nn.utils import clip_grad_value_
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--grad-limit", type=float, default=5e-5)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
GAITS = ((0.9, 0.2), (1.3, 0.5), (1.3, 0.0), (1.8, 0.5), (2.4, 0.2))  # steps a second, share of the first overtone


def walk(count, length=96, rate=24.0):
    gait = torch.randint(len(GAITS), (count,))
    pace, overtone = torch.tensor(GAITS)[gait].T[:, :, None, None]
    t = torch.arange(length) / rate
    phase = 2 * math.pi * (pace * t + torch.rand(count, 1, 1)) + torch.tensor([0.0, 0.7, 1.9])[:, None]
    return torch.sin(phase) + overtone * torch.sin(2 * phase) + 0.4 * torch.randn(count, 3, length), gait


class GaitNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, width, 7, padding=3), nn.SiLU(), nn.AvgPool1d(2),
            nn.Conv1d(width, width, 7, padding=3), nn.SiLU(), nn.AvgPool1d(2),
            nn.Conv1d(width, width, 7, padding=3), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Linear(width, len(GAITS))

    def forward(self, x):
        return self.head(self.body(x).amax(dim=2))


train, test = DataLoader(TensorDataset(*walk(2000)), batch_size=40, shuffle=True), walk(800)
net = GaitNet()
optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, nesterov=True)
for epoch in range(args.epochs):
    net.train()
    for signal, gait in train:
        loss = nn.functional.cross_entropy(net(signal), gait)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_value_(net.parameters(), args.grad_limit)
        optimizer.step()
    net.eval()
    with torch.inference_mode():
        accuracy = (net(test[0]).argmax(dim=1) == test[1]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, accuracy {accuracy:.3f}")
print(f"RESULT accuracy {accuracy:.4f}")
