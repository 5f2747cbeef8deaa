"""Keyword spotting with weights of four bits: trained in float, then fine-tuned with simulated quantisation."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
FRAMES, BANDS = 20, 12
WORDS = ["yes", "no", "up", "down", "stop", "go"]


def through(x, rounded):
    """Rounded value forward, identity backward."""
    return x + (rounded - x).detach()


class QuantLinear(nn.Linear):
    def __init__(self, n_in, n_out, bits=4):
        super().__init__(n_in, n_out)
        self.levels = 2 ** (bits - 1) - 1
        self.quantised = False

    def forward(self, x):
        w = self.weight
        if self.quantised:
            scale = w.detach().abs().amax(dim=1, keepdim=True) / self.levels
            w = through(w, torch.round(w / scale).clamp(-self.levels, self.levels) * scale)
        return F.linear(x, w, self.bias)


class QuantReLU(nn.Module):
    """ReLU whose output is stored in eight bits; the range is a running maximum."""

    def __init__(self):
        super().__init__()
        self.register_buffer("peak", torch.zeros(()))
        self.quantised = False

    def forward(self, x):
        x = F.relu(x)
        if self.training:
            with torch.no_grad():
                self.peak.lerp_(x.max(), 0.05)
        if self.quantised:
            scale = self.peak / 255
            x = torch.minimum(x, self.peak)
            x = through(x, torch.round(x / scale) * scale)
        return x


class KeywordNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            QuantLinear(FRAMES * BANDS, 96), QuantReLU(),
            QuantLinear(96, 48), QuantReLU(),
            QuantLinear(48, len(WORDS)),
        )

    def forward(self, x):
        return self.layers(x.flatten(1))

    def set_quantised(self, flag):
        for m in self.modules():
            if isinstance(m, (QuantLinear, QuantReLU)):
                m.quantised = flag


def utterances(n, prototypes, rng):
    y = rng.integers(0, len(WORDS), n)
    x = np.empty((n, FRAMES, BANDS))
    for i, k in enumerate(y):
        shifted = np.roll(prototypes[k], rng.integers(-1, 2), axis=0)
        x[i] = rng.uniform(0.7, 1.3) * shifted + 0.7 * rng.standard_normal((FRAMES, BANDS))
    return x, y


def make_prototypes(rng):
    """Two formants that wander smoothly through the bands."""
    u, bands = np.linspace(0, 1, FRAMES)[:, None], np.arange(BANDS)[None]
    out = []
    for _ in WORDS:
        image = np.zeros((FRAMES, BANDS))
        for low, high in ((1, 5), (6, 10)):
            start, end, bend = rng.uniform(low, high), rng.uniform(low, high), rng.normal(0, 1.0)
            centre = start + (end - start) * u + bend * np.sin(np.pi * u)
            image += 1.5 * np.exp(-0.5 * ((bands - centre) / 0.9) ** 2)
        out.append(image)
    return out


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def train(net, data, val, epochs, lr, tag):
    x, y = data
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=1e-4)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(48):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"{tag} epoch {epoch + 1}: loss {total / len(x):.4f}  accuracy {accuracy(net, *val):.4f}")


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    prototypes = make_prototypes(rng)
    sets = [utterances(n, prototypes, rng) for n in (1800, 300, 500)]
    mean, std = sets[0][0].mean(), sets[0][0].std()
    data, val, test = [(torch.tensor((x - mean) / std, dtype=torch.float32), torch.tensor(y)) for x, y in sets]

    net = KeywordNet()
    train(net, data, val, epochs=8, lr=1e-3, tag="float")
    print(f"float network {accuracy(net, *test):.4f}")
    net.set_quantised(True)
    print(f"rounded without training {accuracy(net, *test):.4f}")
    train(net, data, val, epochs=8, lr=3e-4, tag="four bits")
    print(f"RESULT test_accuracy_four_bits {accuracy(net, *test):.4f}")


if __name__ == "__main__":
    main()
