"""Scenarios: kinds of networks and data."""

from __future__ import annotations

import copy
import io
import pickle
import random

import numpy as np
import torch
from scenarios import fit, main, mlp, scenario, table
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


@scenario
def plain_mlp():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return fit(model, optimizer, 150), model, optimizer


class Pictures(Dataset):
    def __init__(self):
        self.images = torch.rand(24, 1, 8, 8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        if random.random() < 0.5:
            image = image.flip(-1)
        image = image + torch.randn_like(image) * 0.1 + np.random.normal(0, 0.01)
        return image.float(), index % 3


@scenario
def convolution_with_workers():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(144, 3)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loader = DataLoader(Pictures(), batch_size=8, shuffle=True, num_workers=2, multiprocessing_context="fork")
    scores = []
    for _ in range(2):
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for images, labels in loader:
                scores.append(F.cross_entropy(model(images), labels).item())
    return scores, model, optimizer


@scenario
def channels_last():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images = torch.rand(4, 3, 10, 10).contiguous(memory_format=torch.channels_last)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(images), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()
    return model, optimizer, [p.is_contiguous(memory_format=torch.channels_last) for p in model.parameters()]


@scenario
def recurrent():
    left = []
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        net, head = kind(3, 5, num_layers=2, batch_first=True, dropout=0.1), nn.Linear(5, 1)
        optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()])
        series = torch.randn(4, 7, 3)
        for _ in range(4):
            output, _ = net(series)
            loss = F.smooth_l1_loss(head(output[:, -1]), series.sum((1, 2))[:, None])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
        left += [net, head, optimizer]
    return left


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 11)

    def forward(self, tokens):
        query, key, value = self.qkv(self.embed(tokens)).chunk(3, dim=-1)
        return self.out(F.scaled_dot_product_attention(query, key, value, is_causal=True))


@scenario
def transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = nn.Sequential(nn.Embedding(11, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 11))
    left = []
    for net in (model, Attention()):
        optimizer = torch.optim.AdamW(net.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=5)
        tokens = torch.randint(11, (3, 6))
        for _ in range(5):
            loss = F.cross_entropy(net(tokens).flatten(0, 1), tokens.roll(-1, 1).flatten(), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        net.eval()
        with torch.no_grad():
            left += [net(tokens), net, optimizer]
    return left


@scenario
def embeddings_with_sparse_gradients():
    table_, head = nn.Embedding(20, 4, sparse=True), nn.Linear(4, 1)
    sparse = torch.optim.SparseAdam(table_.parameters())
    dense = torch.optim.Adam(head.parameters())
    words = torch.randint(20, (6, 3))
    for _ in range(4):
        loss = F.binary_cross_entropy_with_logits(head(table_(words).mean(1)), torch.ones(6, 1))
        for optimizer in (sparse, dense):
            optimizer.zero_grad()
        loss.backward()
        for optimizer in (sparse, dense):
            optimizer.step()
    return table_, head, sparse, dense


@scenario
def reparametrised():
    model = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(6, 8)),
        nn.Tanh(),
        nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)),
        nn.Sigmoid(),
        nn.utils.parametrizations.orthogonal(nn.Linear(8, 8)),
        nn.Linear(8, 1),
    )
    nn.utils.parametrize.register_parametrization(model[5], "weight", nn.Softplus())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(model, optimizer), model, optimizer


@scenario
def data_parallel():
    model = nn.DataParallel(mlp())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(model, optimizer), model, optimizer


@scenario
def complex_parameters():
    class Rotation(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(6, 2, dtype=torch.cfloat))

        def forward(self, inputs):
            return (inputs.to(torch.cfloat) @ self.weight).abs().sum(1, keepdim=True)

    model = Rotation()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = fit(model, optimizer)
    output = model.weight.sum()
    output.backward(torch.ones((), dtype=torch.cfloat))
    return losses, model, optimizer


@scenario
def odd_shapes():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(0.5))
            self.nothing = nn.Parameter(torch.empty(0))
            self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)
            self.layer = nn.Linear(6, 1)

        def forward(self, inputs):
            return self.layer(inputs) * self.gain

    model = Odd()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for size in (0, 1, 5, 0, 2):
        optimizer.zero_grad()
        inputs = torch.randn(size, 6)
        F.mse_loss(model(inputs), torch.ones(size, 1), reduction="sum").backward()
        optimizer.step()
        with torch.no_grad():
            F.mse_loss(model(inputs), torch.ones(size, 1))
    return model, optimizer


@scenario
def many_modules():
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(2000)])
    model.append(nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs = torch.randn(4, 2)
    for _ in range(3):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), inputs[:, :1]).backward()
        optimizer.step()
    return model


class Nest(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.inner = Nest(depth - 1) if depth else None

    def forward(self, inputs):
        hidden = torch.tanh(self.layer(inputs))
        return hidden if self.inner is None else inputs + self.inner(hidden)


@scenario
def recursion():
    model = Nest(150)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    inputs = torch.randn(4, 2)
    for _ in range(3):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()
    return model


@scenario
def recursion_near_the_limit():
    with torch.no_grad():
        return Nest(225)(torch.randn(2, 2))  # each level takes four of the thousand calls that Python allows


@scenario
def meta_device():
    with torch.device("meta"):
        model = mlp()
        F.mse_loss(model(torch.empty(4, 6)), torch.empty(4, 1)).backward()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    return [tuple(p.grad.shape) for p in model.parameters()], model


@scenario
def other_defaults():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("cpu")
    try:
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters())
        losses = fit(model, optimizer)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    return losses, model, optimizer, torch.empty(1).dtype


@scenario
def inference_mode():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = fit(model, optimizer, 3)
    inputs, targets = table()
    with torch.inference_mode():
        losses.append(F.mse_loss(model(inputs), targets).item())
    return losses + fit(model, optimizer, 3), model


@scenario
def copies_and_files():
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters())
    fit(model, optimizer)
    twin = copy.deepcopy(model)
    other = torch.optim.Adam(twin.parameters())
    other.load_state_dict(optimizer.state_dict())
    stream = io.BytesIO()
    torch.save({"model": model, "optimizer": optimizer, "state": model.state_dict()}, stream)
    texts = pickle.dumps(model), pickle.dumps(optimizer), pickle.dumps(model.state_dict())
    loaded = torch.load(io.BytesIO(stream.getvalue()), weights_only=False)
    assert not any(b"headtorch" in text for text in (*texts, stream.getvalue()))
    names = sorted(vars(model)), sorted(vars(optimizer)), sorted(vars(model[0].weight))
    fit(twin, other)
    fit(loaded["model"], loaded["optimizer"])
    return names, model, optimizer, twin, other, loaded["model"]


if __name__ == "__main__":
    main()
