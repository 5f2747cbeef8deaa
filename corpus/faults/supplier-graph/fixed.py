"""Industry of a firm from its figures and from whom it trades with."""
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Options:
    firms: int = 300
    industries: int = 5
    figures: int = 16
    p_inside: float = 0.15
    p_outside: float = 0.03
    hidden: int = 32
    layers: int = 6
    reduce: str = "mean"
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    epochs: int = 400
    seed: int = int(os.environ.get("SEED", "0"))


def build_graph(opt):
    g = torch.Generator().manual_seed(opt.seed)
    industry = torch.arange(opt.firms) % opt.industries
    same = industry[:, None] == industry[None, :]
    chance = torch.where(same, torch.tensor(opt.p_inside), torch.tensor(opt.p_outside))
    upper = torch.triu((torch.rand(opt.firms, opt.firms, generator=g) < chance).float(), diagonal=1)
    adjacency = upper + upper.T
    typical = 0.4 * torch.randn(opt.industries, opt.figures, generator=g)
    x = typical[industry] + torch.randn(opt.firms, opt.figures, generator=g)
    x = (x - x.mean(0)) / x.std(0)
    order = torch.randperm(opt.firms, generator=g)
    n_train = int(0.6 * opt.firms)
    return x, adjacency, industry, order[:n_train], order[n_train:]


class TradeLayer(nn.Module):
    """h_i <- relu(W h_i + V reduce_j h_j) over the trade partners j of i."""

    def __init__(self, n_in, n_out, reduce):
        super().__init__()
        if reduce not in ("sum", "mean"):
            raise ValueError(f"unknown reduction {reduce!r}")
        self.reduce = reduce
        self.own = nn.Linear(n_in, n_out)
        self.partners = nn.Linear(n_in, n_out, bias=False)
        nn.init.kaiming_normal_(self.own.weight, nonlinearity="relu")
        nn.init.zeros_(self.own.bias)

    def forward(self, h, adjacency):
        message = adjacency @ h
        if self.reduce == "mean":
            message = message / adjacency.sum(1, keepdim=True).clamp(min=1.0)
        return F.relu(self.own(h) + self.partners(message))


class IndustryNet(nn.Module):
    def __init__(self, opt):
        super().__init__()
        widths = [opt.figures] + [opt.hidden] * opt.layers
        self.layers = nn.ModuleList(TradeLayer(a, b, opt.reduce) for a, b in zip(widths[:-1], widths[1:]))
        self.classify = nn.Linear(opt.hidden, opt.industries)

    def forward(self, x, adjacency):
        for layer in self.layers:
            x = layer(x, adjacency)
        return self.classify(x)


def run(opt):
    torch.manual_seed(opt.seed)
    x, adjacency, industry, train, test = build_graph(opt)
    print(f"{opt.firms} firms, {int(adjacency.sum().item()) // 2} trade links")
    model = IndustryNet(opt)
    optimizer = torch.optim.SGD(model.parameters(), lr=opt.lr, momentum=opt.momentum, weight_decay=opt.weight_decay)

    for epoch in range(1, opt.epochs + 1):
        model.train()
        loss = F.cross_entropy(model(x, adjacency)[train], industry[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 40 == 0:
            model.eval()
            with torch.no_grad():
                guess = model(x, adjacency).argmax(1)
            right = guess == industry
            print(f"epoch {epoch:3d}  loss {loss.item():.4f}  train {right[train].float().mean().item():.4f}"
                  f"  test {right[test].float().mean().item():.4f}")
    return right[test].float().mean().item()


if __name__ == "__main__":
    print(f"RESULT test_accuracy {run(Options()):.4f}")
