"""Fifty made-up pictures that stand in for the whole training set (dataset condensation by matching of gradients).

What is trained are the pixels. The networks are thrown away after some steps: each is only an occasion to compare the
gradient on real pictures with the gradient on the made-up ones.
"""
import argparse
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--per-class", type=int, default=5)
    p.add_argument("--networks", type=int, default=16)
    p.add_argument("--matches", type=int, default=8, help="matching steps with one network")
    p.add_argument("--net-steps", type=int, default=5, help="steps of the network between two matches")
    p.add_argument("--real-batch", type=int, default=64)
    p.add_argument("--lr-pixels", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args([])


def fresh_net():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def gradient_distance(net, real, fake, label):
    params = list(net.parameters())
    target = torch.full((len(real),), label)
    g_real = torch.autograd.grad(F.cross_entropy(net(real), target), params)
    target = torch.full((len(fake),), label)
    g_fake = torch.autograd.grad(F.cross_entropy(net(fake), target), params, create_graph=True)
    return sum(1 - F.cosine_similarity(a.flatten(), b.flatten(), dim=0) for a, b in zip(g_real, g_fake))


def fit_on(pictures, labels, steps=200):
    net = fresh_net()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-3)
    for _ in range(steps):
        loss = F.cross_entropy(net(pictures), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return net


def mean_accuracy(pictures, labels, x_test, y_test, repeats=3):
    accs = []
    for _ in range(repeats):
        net = fit_on(pictures, labels)
        with torch.no_grad():
            accs.append((net(x_test).argmax(1) == y_test).float().mean().item())
    return sum(accs) / len(accs)


def main():
    args = parse()
    torch.manual_seed(args.seed)
    raw = load_digits()
    x = torch.tensor(raw.data / 16.0, dtype=torch.float32)
    y = torch.tensor(raw.target, dtype=torch.long)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    x_train, y_train, x_test, y_test = x[:1297], y[:1297], x[1297:], y[1297:]
    by_class = [x_train[y_train == c] for c in range(10)]

    chosen = torch.stack([rows[:args.per_class] for rows in by_class])          # 10 x per_class x 64
    pixels = nn.Parameter(chosen.clone())
    labels = torch.arange(10).repeat_interleave(args.per_class)
    opt = torch.optim.Adam([pixels], lr=args.lr_pixels, betas=(0.5, 0.99))
    print("real pictures, as many:", round(mean_accuracy(chosen.reshape(-1, 64), labels, x_test, y_test), 4))

    for k in range(args.networks):
        net = fresh_net()
        net_opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
        total = 0.0
        for _ in range(args.matches):
            distance = 0.0
            for c, rows in enumerate(by_class):
                real = rows[torch.randint(0, len(rows), (args.real_batch,))]
                distance = distance + gradient_distance(net, real, pixels[c], c)
            opt.zero_grad()
            distance.backward(inputs=[pixels])
            opt.step()
            with torch.no_grad():
                pixels.clamp_(0.0, 1.0)
            total += distance.item() / 10
            frozen = pixels.detach().reshape(-1, 64)
            for _ in range(args.net_steps):
                loss = F.cross_entropy(net(frozen), labels)
                net_opt.zero_grad()
                loss.backward()
                net_opt.step()
        print(f"network {k + 1:2d}: mean distance of the gradients {total / args.matches:.4f}")

    moved = (pixels.detach() - chosen).abs().mean().item()
    print(f"pixels moved by {moved:.3f} on average")
    acc = mean_accuracy(pixels.detach().reshape(-1, 64), labels, x_test, y_test)
    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()
