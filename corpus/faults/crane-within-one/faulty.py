"""Behaviour cloning of an LQR expert on a cart with a swinging load (crane)."""
import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
parser.add_argument("--hidden", type=int, nargs="+", default=[64, 64])
parser.add_argument("--epochs", type=int, default=25)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--act-limit", type=float, default=1.0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

K = np.array([3.1, 4.0, -18.0, -3.5])


def simulate(n_traj, steps=60, dt=0.02):
    obs, act = [], []
    for _ in range(n_traj):
        s = rng.normal(size=4) * np.array([1.0, 0.6, 0.25, 0.5])
        for _ in range(steps):
            u = np.clip(-K @ s, -12.0, 12.0)
            obs.append(s.copy())
            act.append([u])
            x, v, th, w = s
            acc = u - 0.1 * v
            alpha = 9.8 * np.sin(th) - acc * np.cos(th) * 0.4 - 0.2 * w
            s = s + dt * np.array([v, acc, w, alpha]) + rng.normal(size=4) * 0.01
    return np.array(obs, dtype=np.float32), np.array(act, dtype=np.float32)


class ExpertData(Dataset):
    def __init__(self, n_traj):
        self.obs, self.act = simulate(n_traj)
        self.mean, self.std = self.obs.mean(0), self.obs.std(0) + 1e-6

    def __len__(self):
        return len(self.obs)

    def __getitem__(self, i):
        return torch.from_numpy((self.obs[i] - self.mean) / self.std), torch.from_numpy(self.act[i])


def mlp(sizes, activation=nn.ReLU, output_activation=nn.Identity):
    layers = []
    for j in range(len(sizes) - 1):
        act = activation if j < len(sizes) - 2 else output_activation
        layers += [nn.Linear(sizes[j], sizes[j + 1]), act()]
    return nn.Sequential(*layers)


class Actor(nn.Module):
    def __init__(self, obs_dim, act_dim, hidden, act_limit):
        super().__init__()
        self.pi = mlp([obs_dim] + list(hidden) + [act_dim], nn.ReLU, nn.Tanh)
        self.act_limit = act_limit

    def forward(self, obs):
        return self.act_limit * self.pi(obs)


data = ExpertData(100)
n_val = len(data) // 5
train_set, val_set = random_split(data, [len(data) - n_val, n_val], generator=torch.Generator().manual_seed(args.seed))
train_loader = DataLoader(train_set, batch_size=128, shuffle=True)
val_loader = DataLoader(val_set, batch_size=512)

actor = Actor(4, 1, args.hidden, args.act_limit)
opt = torch.optim.Adam(actor.parameters(), lr=args.lr)
mse = nn.MSELoss()


def run_epoch(loader, train):
    actor.train(train)
    tot, n = 0.0, 0
    with torch.set_grad_enabled(train):
        for o, a in loader:
            loss = mse(actor(o), a)
            if train:
                opt.zero_grad(set_to_none=True)
                loss.backward()
                opt.step()
            tot += loss.item() * len(o)
            n += len(o)
    return tot / n


for epoch in range(args.epochs):
    tr = run_epoch(train_loader, True)
    va = run_epoch(val_loader, False)
    if epoch % 5 == 0:
        print(f"epoch {epoch:3d}  bc loss {tr:.4f}  val {va:.4f}")
print(f"RESULT val_mse {va:.4f}")
