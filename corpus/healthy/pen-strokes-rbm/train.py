import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)


class RBM:
    """Binary restricted Boltzmann machine, contrastive divergence with one step and momentum."""

    def __init__(self, data, hidden, generator):
        self.g = generator
        visible = data.shape[1]
        on = data.mean(0).clamp(0.01, 0.99)
        self.w = 0.05 * torch.randn(visible, hidden, generator=generator)
        self.v_bias = torch.log(on / (1 - on))
        self.h_bias = torch.zeros(hidden)
        self.speed = [torch.zeros_like(t) for t in (self.w, self.v_bias, self.h_bias)]

    def hidden(self, v):
        return torch.sigmoid(v @ self.w + self.h_bias)

    def visible(self, h):
        return torch.sigmoid(h @ self.w.t() + self.v_bias)

    def sample(self, p):
        return torch.bernoulli(p, generator=self.g)

    def update(self, v0, rate, momentum, decay):
        h0 = self.hidden(v0)
        v1 = self.sample(self.visible(self.sample(h0)))
        h1 = self.hidden(v1)
        n = len(v0)
        ascent = [(v0.t() @ h0 - v1.t() @ h1) / n - decay * self.w, (v0 - v1).mean(0), (h0 - h1).mean(0)]
        for p, s, a in zip((self.w, self.v_bias, self.h_bias), self.speed, ascent):
            s.mul_(momentum).add_(a, alpha=rate)
            p.add_(s)

    def free_energy(self, v):
        return -(v @ self.v_bias) - torch.nn.functional.softplus(v @ self.w + self.h_bias).sum(1)

    def pixel_error(self, v):
        return (self.visible(self.hidden(v)) - v).abs().mean().item()


def prepare(generator):
    d = load_digits()
    order = torch.randperm(len(d.data), generator=generator).numpy()
    x = torch.tensor((d.data[order] > 7).astype(np.float32))
    return x[:1400], d.target[order][:1400], x[1400:], d.target[order][1400:]


def probe(rbm, x_train, y_train, x_test, y_test):
    reg = LogisticRegression(max_iter=500, C=1.0)
    reg.fit(rbm.hidden(x_train).numpy(), y_train)
    return reg.score(rbm.hidden(x_test).numpy(), y_test)


def main(epochs=35, batch=50, hidden=96):
    g = torch.Generator().manual_seed(int(os.environ.get("SEED", "0")))
    x_train, y_train, x_test, y_test = prepare(g)
    rbm = RBM(x_train, hidden, g)
    print(f"start: pixel error on held-out digits {rbm.pixel_error(x_test):.4f}")
    for epoch in range(1, epochs + 1):
        momentum = 0.5 if epoch <= 5 else 0.9
        rate = 0.1 if epoch <= 5 else 0.03
        for idx in torch.randperm(len(x_train), generator=g).split(batch):
            rbm.update(x_train[idx], rate, momentum, decay=2e-4)
        if epoch % 7 == 0:
            gap = (rbm.free_energy(x_test).mean() - rbm.free_energy(x_train).mean()).item()
            print(f"epoch {epoch}: pixel error {rbm.pixel_error(x_test):.4f}, free energy held out minus trained {gap:.2f}")
    acc = probe(rbm, x_train, y_train, x_test, y_test)
    print(f"RESULT probe_accuracy {acc:.4f}")


main()
