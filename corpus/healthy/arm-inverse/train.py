import math
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

UPPER, FORE = 1.0, 0.8


def hand(angles):
    a, b = angles[..., 0], angles[..., 0] + angles[..., 1]
    return torch.stack([UPPER * torch.cos(a) + FORE * torch.cos(b), UPPER * torch.sin(a) + FORE * torch.sin(b)], -1)


def poses(n):
    shoulder = 2 * torch.rand(n) - 1
    elbow = (0.4 + 2.0 * torch.rand(n)) * (2 * torch.randint(0, 2, (n,)) - 1)      # bent to either side
    return torch.stack([shoulder, elbow], 1)


class MixtureNet(nn.Module):
    """Where the hand is, in; a mixture of Gaussians over both joint angles, out."""

    def __init__(self, comps=5, hidden=64):
        super().__init__()
        self.comps = comps
        self.body = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.weight = nn.Linear(hidden, comps)
        self.mean = nn.Linear(hidden, comps * 2)
        self.log_sigma = nn.Linear(hidden, comps * 2)
        nn.init.uniform_(self.mean.bias, -1.5, 1.5)

    def forward(self, place):
        h = self.body(place)
        shape = (len(place), self.comps, 2)
        return (torch.log_softmax(self.weight(h), 1), self.mean(h).view(shape),
                self.log_sigma(h).view(shape).clamp(-4.5, 2.0))

    def nll(self, place, angles):
        log_w, mean, log_sigma = self(place)
        z = (angles.unsqueeze(1) - mean) / log_sigma.exp()
        log_p = (-0.5 * z ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)).sum(2)
        return -torch.logsumexp(log_w + log_p, dim=1).mean()

    def best(self, place):
        log_w, mean, log_sigma = self(place)
        peak = log_w - log_sigma.sum(2)             # density at each centre
        return mean[torch.arange(len(place)), peak.argmax(1)]


def standardise(place, mean, std):
    return (place - mean) / std


train_angles, test_angles = poses(4000), poses(1000)
train_place, test_place = hand(train_angles), hand(test_angles)
mean, std = train_place.mean(0), train_place.std(0)
loader = DataLoader(TensorDataset(standardise(train_place, mean, std), train_angles), batch_size=128, shuffle=True)
x_test = standardise(test_place, mean, std)

net = MixtureNet()
epochs = 40
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=4e-3, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.1)


def evaluate():
    net.eval()
    with torch.no_grad():
        nll = net.nll(x_test, test_angles).item()
        miss = (hand(net.best(x_test)) - test_place).norm(dim=1).mean().item()
    return nll, miss


for epoch in range(1, epochs + 1):
    net.train()
    for place, angles in loader:
        loss = net.nll(place, angles)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        sched.step()
    if epoch % 8 == 0:
        print("epoch %d: train nll %.4f, held-out nll %.4f, hand misses by %.4f" % (epoch, loss.item(), *evaluate()))

print(f"RESULT mean_miss {evaluate()[1]:.4f}")
