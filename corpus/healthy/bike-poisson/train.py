"""Hourly rental counts with a Poisson network. Trained in two sessions, the second resumes from a checkpoint."""
import io
import math
import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def simulate(n):
    hour, weekday = rng.integers(0, 24, n), rng.integers(0, 7, n)
    temp, humidity, wind = rng.normal(14, 8, n), rng.uniform(20, 100, n), rng.gamma(2.0, 6.0, n)
    rush = np.exp(-0.5 * ((hour - 8) / 1.5) ** 2) + np.exp(-0.5 * ((hour - 17.5) / 2) ** 2)
    log_rate = 1.2 + 1.4 * rush * (weekday < 5) + 0.9 * np.exp(-0.5 * ((hour - 14) / 3) ** 2) * (weekday >= 5) \
        + 0.04 * temp - 0.0012 * (temp - 20) ** 2 - 0.006 * humidity - 0.01 * wind
    counts = rng.poisson(np.exp(log_rate))
    X = np.column_stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), np.sin(4 * np.pi * hour / 24),
                         np.cos(4 * np.pi * hour / 24), weekday >= 5, temp, humidity, wind])
    return torch.tensor(X, dtype=torch.float32), torch.tensor(counts, dtype=torch.float32)


X_train, y_train = simulate(5000)
X_test, y_test = simulate(1500)
mu, sd = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mu) / sd, (X_test - mu) / sd


def build():
    net = nn.Sequential(nn.Linear(8, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))
    with torch.no_grad():
        net[-1].bias.fill_(math.log(y_train.mean().item()))
    # the loss is summed over the batch of 100, the rate is chosen for the sum
    return net, torch.optim.SGD(net.parameters(), lr=5e-5, momentum=0.9)


nll = nn.PoissonNLLLoss(log_input=True, reduction="sum")


def deviance(y, log_mu):
    return (2 * (torch.xlogy(y, y) - y * log_mu - y + log_mu.exp())).mean().item()


def run(net, opt, epochs, first=0):
    for epoch in range(first, first + epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(X_train)).split(100):
            opt.zero_grad()
            loss = nll(net(X_train[idx]).squeeze(-1), y_train[idx])
            loss.backward()
            opt.step()
            total += loss.item()
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1:3d}  poisson loss per row {total / len(X_train):.4f}")


net, opt = build()
run(net, opt, 15)
buffer = io.BytesIO()
torch.save({"model": net.state_dict(), "optimizer": opt.state_dict(), "epoch": 15}, buffer)
buffer.seek(0)

checkpoint = torch.load(buffer)
net, opt = build()
net.load_state_dict(checkpoint["model"])
opt.load_state_dict(checkpoint["optimizer"])
run(net, opt, 15, first=checkpoint["epoch"])

net.eval()
with torch.no_grad():
    dev = deviance(y_test, net(X_test).squeeze(-1))
null = deviance(y_test, torch.full_like(y_test, y_train.mean().log().item()))
print(f"deviance {dev:.4f}, of the constant model {null:.4f}")
print("RESULT deviance_explained", round(1 - dev / null, 4))
