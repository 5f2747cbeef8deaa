import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Options:
    seed: int = int(os.environ.get("SEED", "0"))
    channels: int = 32
    substances: int = 40
    per_mixture: int = 3
    latents: int = 80
    active: int = 4
    samples: int = 6000
    batch: int = 150
    epochs: int = 30
    lr: float = 3e-3


def mixtures(n, substances, o, gen):
    """Every row is a sum of three of the substances, in random amounts, plus a background and some noise."""
    which = torch.rand(n, o.substances, generator=gen).topk(o.per_mixture, dim=1).indices
    amount = torch.zeros(n, o.substances).scatter(1, which, 0.6 + 0.9 * torch.rand(n, o.per_mixture, generator=gen))
    background = 0.3 * torch.sin(torch.linspace(0, 6.0, o.channels))
    return amount @ substances + background + 0.02 * torch.randn(n, o.channels, generator=gen)


class TopKAutoencoder(nn.Module):
    """A wide code in which only the largest few units of each sample stay on."""

    def __init__(self, o, centre):
        super().__init__()
        self.active = o.active
        self.centre = nn.Parameter(centre.clone())
        self.decoder = nn.Parameter(F.normalize(torch.randn(o.latents, o.channels), dim=1))
        self.encoder = nn.Parameter(self.decoder.detach().t().clone())
        self.threshold = nn.Parameter(torch.zeros(o.latents))

    def encode(self, x):
        pre = F.relu((x - self.centre) @ self.encoder + self.threshold)
        top = pre.topk(self.active, dim=1)
        return torch.zeros_like(pre).scatter(1, top.indices, top.values)

    def forward(self, x):
        code = self.encode(x)
        return code @ self.decoder + self.centre, code

    @torch.no_grad()
    def normalise_decoder(self):
        self.decoder.div_(self.decoder.norm(dim=1, keepdim=True).clamp_min(1e-6))


def explained(model, x):
    model.eval()
    with torch.no_grad():
        rebuilt, code = model(x)
    model.train()
    residual = (x - rebuilt).pow(2).sum()
    return (1 - residual / (x - x.mean(0)).pow(2).sum()).item(), code


def main():
    o = Options()
    torch.manual_seed(o.seed)
    gen = torch.Generator().manual_seed(o.seed + 1)
    substances = F.normalize(torch.randn(o.substances, o.channels, generator=gen), dim=1)
    x = mixtures(o.samples, substances, o, gen)
    held_out = mixtures(1000, substances, o, gen)

    model = TopKAutoencoder(o, x.mean(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=o.lr)
    total_steps = o.epochs * (o.samples // o.batch)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, 5 * (1 - s / total_steps)))
    variance = x.var(0).sum()
    for epoch in range(1, o.epochs + 1):
        running = 0.0
        for idx in torch.randperm(o.samples).split(o.batch):
            rebuilt, _ = model(x[idx])
            loss = (rebuilt - x[idx]).pow(2).sum(1).mean() / variance
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.normalise_decoder()
            scheduler.step()
            running += loss.item() * len(idx)
        if epoch % 3 == 0:
            r2, code = explained(model, held_out)
            silent = int((code > 0).sum(0).eq(0).sum())
            print(f"epoch {epoch:2d}: unexplained {running / o.samples:.4f}, held out {1 - r2:.4f}, "
                  f"{(code > 0).float().mean().item():.3f} of the code is on, {silent} units never")

    r2, _ = explained(model, held_out)
    with torch.no_grad():
        likeness = (substances @ model.decoder.t()).amax(1)
    print(f"{int((likeness > 0.9).sum())} of {o.substances} substances have a unit of their own")
    print(f"RESULT test_explained_variance {r2:.4f}")


if __name__ == "__main__":
    main()
