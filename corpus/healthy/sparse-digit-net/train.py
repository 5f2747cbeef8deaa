import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class MaskedLinear(nn.Linear):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.register_buffer("mask", torch.ones_like(self.weight))

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)

    @torch.no_grad()
    def prune(self, share):
        alive = self.mask.bool()
        limit = torch.quantile(self.weight[alive].abs(), share)
        self.mask.mul_((self.weight.abs() >= limit).float())


def make_net():
    return nn.Sequential(MaskedLinear(64, 100), nn.ReLU(), MaskedLinear(100, 100), nn.ReLU(), MaskedLinear(100, 10))


def masked_layers(net):
    return [m for m in net if isinstance(m, MaskedLinear)]


def density(net):
    layers = masked_layers(net)
    return sum(m.mask.sum().item() for m in layers) / sum(m.mask.numel() for m in layers)


@torch.no_grad()
def rewind(net, origin):
    for name, p in net.named_parameters():
        p.copy_(origin[name])


class Trainer:
    def __init__(self, net, data, batch=64, lr=2e-3):
        self.net, self.batch, self.lr = net, batch, lr
        self.x_train, self.y_train, self.x_test, self.y_test = data

    def fit(self, epochs):
        opt = torch.optim.Adam(self.net.parameters(), lr=self.lr)
        self.net.train()
        for _ in range(epochs):
            for idx in torch.randperm(len(self.x_train)).split(self.batch):
                opt.zero_grad()
                loss = F.cross_entropy(self.net(self.x_train[idx]), self.y_train[idx])
                loss.backward()
                opt.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self):
        self.net.eval()
        return (self.net(self.x_test).argmax(1) == self.y_test).float().mean().item()


def load():
    d = load_digits()
    order = torch.randperm(len(d.data))
    x = torch.tensor(d.data / 8.0 - 1.0, dtype=torch.float32)[order]
    y = torch.tensor(d.target)[order]
    return x[:1400], y[:1400], x[1400:], y[1400:]


def main(rounds=5, share=0.4, epochs=7):
    net = make_net()
    origin = {name: p.detach().clone() for name, p in net.named_parameters()}
    trainer = Trainer(net, load())
    for r in range(rounds):
        loss = trainer.fit(epochs)
        print(f"round {r}: {density(net):.3f} of the weights left, last loss {loss:.4f}, accuracy {trainer.accuracy():.4f}")
        for layer in masked_layers(net):
            layer.prune(share)
        rewind(net, origin)             # the survivors start again from where they began
        print(f"         pruned and rewound: accuracy {trainer.accuracy():.4f}")
    loss = trainer.fit(2 * epochs)
    acc = trainer.accuracy()
    print(f"final: {density(net):.3f} of the weights left, last loss {loss:.4f}, accuracy {acc:.4f}")
    print("RESULT sparse_accuracy", round(acc, 4))


main()
