import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

POINTS = 24
TEMPLATE = torch.stack([torch.linspace(-1.5, 1.5, POINTS),
                        0.8 * torch.sin(torch.linspace(-1.5, 3.0, POINTS))], 1)


def sample_pairs(n):
    """Noisy copies of one outline, and the same outline turned and moved."""
    source = TEMPLATE + 0.03 * torch.randn(n, POINTS, 2)
    angle = (torch.rand(n) * 2 - 1) * 0.75 * math.pi
    move = 0.6 * torch.randn(n, 1, 2)
    c, s = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
    return source, source @ turn.transpose(1, 2) + move


class PoseNet(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(POINTS * 4, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
        )
        self.to_angle = nn.Linear(hidden, 1)
        self.to_move = nn.Linear(hidden, 2)

    def forward(self, src, dst):
        h = self.trunk(torch.cat([src.flatten(1), dst.flatten(1)], 1))
        return self.to_angle(h).squeeze(1), self.to_move(h)


def rotation(angle):
    c, s = torch.cos(angle), torch.sin(angle)
    top = torch.stack([c, -s], -1)
    bottom = torch.stack([s, c], -1)
    return torch.stack([top, bottom], -2)


def apply_pose(points, angle, move):
    return points @ rotation(angle).transpose(1, 2) + move.unsqueeze(1)


def chunk_loss(model, src, dst):
    angle, move = model(src, dst)
    return (apply_pose(src, angle, move) - dst).pow(2).sum(-1).mean()


model = PoseNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
train_src, train_dst = sample_pairs(1200)
test_src, test_dst = sample_pairs(300)

for epoch in range(15):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_src)).split(48):
        loss = chunk_loss(model, train_src[idx], train_dst[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            err = chunk_loss(model, test_src, test_dst).sqrt().item()
        print(f"epoch {epoch + 1:2d}  train {total / len(train_src):.4f}  test rms distance {err:.4f}")

print(f"RESULT rms_distance {err:.4f}")
