"""Crystals labelled by a crowd that errs two times in five, plus eighty labelled by an expert.

Every batch: a virtual step with unknown weights on the examples, the expert loss after it, its gradient with respect to the
weights; the real step uses those weights (learning to reweight).
"""
import os
import time
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

torch.set_num_threads(1)


def crystals(n, centres, noise):
    which = torch.randint(0, len(centres), (n,))
    return centres[which] + noise * torch.randn(n, centres.shape[1]), which % 4


def crowd(labels, error):
    """a wrong label is any of the other three"""
    wrong = torch.rand(len(labels)) < error
    shift = torch.randint(1, 4, (len(labels),))
    return torch.where(wrong, (labels + shift) % 4, labels), wrong


def example_weights(net, x, y, x_expert, y_expert, virtual_lr):
    params = {k: p.detach().requires_grad_() for k, p in net.named_parameters()}
    eps = torch.zeros(len(x), requires_grad=True)
    each = F.cross_entropy(functional_call(net, params, (x,)), y, reduction="none")
    grads = torch.autograd.grad((eps * each).sum(), list(params.values()), create_graph=True)
    moved = {k: p - virtual_lr * g for (k, p), g in zip(params.items(), grads)}
    meta = F.cross_entropy(functional_call(net, moved, (x_expert,)), y_expert)
    (slope,) = torch.autograd.grad(meta, eps)
    w = (-slope).clamp(min=0)
    total = w.sum()
    if total <= 0:
        return torch.full_like(w, 1 / len(w)), meta.item()
    return w / total, meta.item()


def make_loop(net, train, expert, batch=100, lr=2e-3):
    x, y, wrong = train
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    weigh = partial(example_weights, net, virtual_lr=0.1)

    def epoch():
        net.train()
        loss_sum = meta_sum = on_wrong = 0.0
        batches = torch.randperm(len(x)).split(batch)
        for idx in batches:
            pick = torch.randperm(len(expert[0]))[:40]
            w, meta = weigh(x[idx], y[idx], expert[0][pick], expert[1][pick])
            each = F.cross_entropy(net(x[idx]), y[idx], reduction="none")
            loss = (w * each).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss_sum += loss.item()
            meta_sum += meta
            on_wrong += w[wrong[idx]].sum().item()
        return [v / len(batches) for v in (loss_sum, meta_sum, on_wrong)]

    return epoch


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    began = time.time()
    centres = 1.6 * torch.randn(8, 12)
    x, truth = crystals(2000, centres, 1.4)
    y, wrong = crowd(truth, 0.4)
    xe, ye = crystals(80, centres, 1.4)
    xt, yt = crystals(1200, centres, 1.4)
    mean, std = x.mean(0), x.std(0)
    x, xe, xt = ((v - mean) / std for v in (x, xe, xt))

    net = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 4))
    epoch = make_loop(net, (x, y, wrong), (xe, ye))
    print(f"{wrong.float().mean().item():.2f} of the crowd's labels are wrong")
    for e in range(1, 21):
        loss, meta, on_wrong = epoch()
        if e % 2 == 0:
            print(f"epoch {e}: weighted loss {loss:.4f} expert loss {meta:.4f} weight on wrong labels {on_wrong:.3f} test {accuracy(net, xt, yt):.4f}")
    print(f"{time.time() - began:.1f} s")
    print("RESULT test_accuracy", round(accuracy(net, xt, yt), 4))


if __name__ == "__main__":
    main()
