"""A digit reader goes to an office whose scanner is darker, flatter and noisier than ours.

There are no labels there. The reader keeps learning at work: only scale and shift of its batch norms, by making its
answers less undecided (entropy), with the statistics of the page at hand (the TENT recipe).
"""
import logging
import os
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger(__name__)

PAGE = 50


def reader():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 16, 10))


def other_scanner(x):
    worn = 0.4 * x + 0.08
    return worn + 0.05 * torch.randn_like(x)


def load():
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16.0
    y = torch.tensor(d.target, dtype=torch.long)
    order = torch.randperm(len(x))
    return x[order], y[order]


def train_at_home(x, y, epochs=8):
    net = reader()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    for epoch in range(epochs):
        net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(PAGE):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        log.info("home epoch %d loss %.4f", epoch + 1, sum(losses) / len(losses))
    return net


def prepare_for_work(net):
    """Everything fixed but the affine parts of the norms; no running statistics any more."""
    net.train()
    net.requires_grad_(False)
    params = []
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.requires_grad_(True)
            m.track_running_stats = False
            m.running_mean = None
            m.running_var = None
            params += [m.weight, m.bias]
    return params


def entropy(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def work(net, opt, pages, truth):
    """Answers are given before the step they bring about. The truth only serves the report."""
    right, count = 0, 0
    for number, (x, y) in enumerate(zip(pages, truth), start=1):
        logits = net(x)
        right += (logits.argmax(1) == y).sum().item()
        count += len(y)
        loss = entropy(logits).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if number % 4 == 0:
            log.info("page %2d entropy %.4f accuracy so far %.3f", number, loss.item(), right / count)
    return right / count


def main():
    x, y = load()
    home, office, later = slice(0, 1000), slice(1000, 1600), slice(1600, None)
    net = train_at_home(x[home], y[home])
    with tempfile.TemporaryDirectory() as tmp:
        file = Path(tmp) / "reader.pt"
        torch.save(net.state_dict(), file)
        shipped = reader()
        shipped.load_state_dict(torch.load(file))

    strange, strange_later = other_scanner(x[office]), other_scanner(x[later])
    net.eval()
    with torch.no_grad():
        at_home = (net(x[office]).argmax(1) == y[office]).float().mean().item()
        untouched = (net(strange).argmax(1) == y[office]).float().mean().item()
    log.info("own scanner %.3f, other scanner without adaptation %.3f", at_home, untouched)

    opt = torch.optim.Adam(prepare_for_work(shipped), lr=1e-3)
    for day in range(2):
        order = torch.randperm(len(strange))
        acc = work(shipped, opt, strange[order].split(PAGE), y[office][order].split(PAGE))
        log.info("day %d accuracy %.3f", day + 1, acc)

    with torch.no_grad():
        final = (shipped(strange_later).argmax(1) == y[later]).float().mean().item()
    print("RESULT later_accuracy", round(final, 4))


if __name__ == "__main__":
    main()
