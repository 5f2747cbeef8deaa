import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.RandomState(seed)

config = dict(classes=5, channels=3, length=32, width=24, blocks=9, lr=0.02, batch=32, epochs=7)


def gestures(n):
    kinds = rng.randint(0, config["classes"], n)
    t = np.linspace(0, 1, config["length"])
    phase = rng.rand(n, 1)
    freq = 1.5 + kinds[:, None]
    a = np.sin(2 * np.pi * (freq * t + phase))
    b = np.cos(2 * np.pi * (freq * t + phase)) * np.where(kinds % 2, 1, -1)[:, None]
    c = np.exp(-((t - 0.2 - 0.15 * kinds[:, None]) / 0.15) ** 2) * 2 - 0.7
    x = np.stack([a, b, c], 1) + 0.6 * rng.randn(n, 3, config["length"])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(kinds)


class PlainNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        layers, c = [], cfg["channels"]
        for k in range(cfg["blocks"]):
            layers += [nn.Conv1d(c, cfg["width"], 3, padding=1, stride=2 if k in (3, 6) else 1, bias=False),
                       nn.BatchNorm1d(cfg["width"]), nn.ReLU(inplace=True)]
            c = cfg["width"]
        self.body = nn.Sequential(*layers)
        self.head = None

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


def build_model(cfg):
    net = PlainNet(cfg)
    with torch.no_grad():
        n_flat = net.eval().body(torch.zeros(1, cfg["channels"], cfg["length"])).numel()
    net.head = nn.Linear(n_flat, cfg["classes"])
    return net.train()


def score(net, x, y):
    mode = net.training
    net.eval()
    with torch.no_grad():
        acc = (net(x).argmax(1) == y).float().mean().item()
    net.train(mode)
    return acc


x_train, y_train = gestures(700)
x_val, y_val = gestures(400)
mu, sd = x_train.mean((0, 2), keepdim=True), x_train.std((0, 2), keepdim=True)
x_train, x_val = (x_train - mu) / sd, (x_val - mu) / sd

net = build_model(config)
opt = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=0.9, weight_decay=1e-4)
for epoch in range(config["epochs"]):
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(config["batch"]):
        if len(idx) < config["batch"]:
            continue
        opt.zero_grad()
        loss = F.cross_entropy(net(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    print("epoch %d  loss %.4f  val %.4f" % (epoch + 1, running / len(x_train), score(net, x_val, y_val)))

print("RESULT val_accuracy %.4f" % score(net, x_val, y_val))
