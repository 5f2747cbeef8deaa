"""Pose network: the translation of the camera between two frames."""
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("-b", "--batch-size", type=int, default=32)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--beta", type=float, default=0.999)
parser.add_argument("--weight-decay", "--wd", type=float, default=0)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

SCALE = 0.01


def make_pairs(scenes, n):
    """Two 12x12 frames of a scene and the translation between them in units of SCALE."""
    frames = np.zeros((n, 2, 12, 12), dtype=np.float32)
    motion = rng.integers(-2, 3, (n, 2))
    for i in range(n):
        scene = scenes[rng.integers(len(scenes))]
        frames[i, 0, 2:10, 2:10] = scene
        dy, dx = motion[i]
        frames[i, 1, 2 + dy:10 + dy, 2 + dx:10 + dx] = scene
    return torch.from_numpy(frames), torch.tensor(SCALE * motion, dtype=torch.float32)


class PoseExpNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 16, 3, padding=1, stride=2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1, stride=2)
        self.fc = nn.Linear(32 * 9, 64)
        self.pose_pred = nn.Linear(64, 2)

    def forward(self, frames):
        x = F.relu(self.conv1(frames))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        x = F.relu(self.fc(x.flatten(1)))
        return SCALE * self.pose_pred(x)


scenes = (load_digits().images / 16.0).astype(np.float32)
train_set = TensorDataset(*make_pairs(scenes[:1300], 3000))
val_frames, val_motion = make_pairs(scenes[1300:], 500)
loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)

pose_net = PoseExpNet()
optimizer = torch.optim.Adam(pose_net.parameters(), args.lr, betas=(args.momentum, args.beta),
                             weight_decay=args.weight_decay)

for epoch in range(args.epochs):
    pose_net.train()
    total = 0.0
    for frames, motion in loader:
        loss = F.mse_loss(pose_net(frames), motion)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    pose_net.eval()
    with torch.no_grad():
        error = (pose_net(val_frames) - val_motion).abs().mean().item() / SCALE
    print(f"epoch {epoch + 1}: train loss {total / len(loader):.3e}  val error {error:.4f} px")

print("RESULT val_error_px", round(error, 4))
