"""What looks like a fault and is meant: rates that are tried out, answers by dropout, weights brought back, a table as a
product of matrices or by layers, a momentum in the gradients, statistics measured anew, examples chosen by their loss."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(240, 6)
noise = torch.randn(240, 1)
targets = inputs[:, :1] * inputs[:, 1:2] + inputs[:, 2:3]
train, held_out = slice(0, 160), slice(160, 240)


def network(dropout=0.0):
    return nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Dropout(dropout), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))


def step(model, optimizer, answers):
    for batch in torch.randperm(160).split(40):
        loss = nn.functional.mse_loss(model(inputs[batch]), answers[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def tried_out():
    for rate in (1e-6, 0.2, 0.02, 40.0):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for _ in range(20 if rate in (1e-6, 40.0) else 150):
            step(model, optimizer, targets)


def several_answers():
    model = network(0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(60):
        model.train()
        step(model, optimizer, targets)
        if epoch % 20 == 19:
            with torch.no_grad():
                torch.stack([model(inputs[held_out]) for _ in range(20)]).std(dim=0)


def brought_back():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    best, kept = float("inf"), None
    answers = targets + 0.7 * noise
    for _ in range(120):
        model.train()
        step(model, optimizer, answers)
        model.eval()
        with torch.no_grad():
            loss = nn.functional.mse_loss(model(inputs[held_out]), answers[held_out]).item()
        if loss < best:
            best, kept = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)


def product():
    table = torch.randn(30, 2) @ torch.randn(2, 20) / 4
    known = torch.rand(30, 20) < 0.6
    factors = [nn.Parameter(0.1 * torch.randn(shape)) for shape in ((30, 20), (20, 20), (20, 20))]
    optimizer = torch.optim.Adam(factors, lr=1e-2)
    for _ in range(300):
        loss = ((torch.linalg.multi_dot(factors) - table)[known] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def layers():
    table = torch.randn(30, 2) @ torch.randn(2, 20)
    known = torch.rand(30, 20) < 0.6
    factors = nn.Sequential(nn.Linear(30, 20, bias=False), nn.Linear(20, 20, bias=False))
    optimizer = torch.optim.Adam(factors.parameters(), lr=1e-2)
    for _ in range(300):
        loss = nn.functional.mse_loss(factors(torch.eye(30))[known], table[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def momentum_by_hand():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for _ in range(60):
        for batch in torch.randperm(160).split(40):
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(0.9)
            nn.functional.mse_loss(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()


def measured_anew():
    norm = nn.BatchNorm1d(48, momentum=0.0)
    model = nn.Sequential(nn.Linear(6, 48), norm, nn.ReLU(), nn.Linear(48, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(60):
        model.train()
        step(model, optimizer, targets)
        if epoch % 10 == 9:
            norm.reset_running_stats()
            norm.momentum = None
            with torch.no_grad():
                for batch in torch.randperm(160).split(10):
                    model(inputs[batch])
            norm.momentum = 0.0
            model.eval()
            with torch.no_grad():
                nn.functional.mse_loss(model(inputs[held_out]), targets[held_out])


def chosen():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(80):
        for batch in torch.randperm(160).split(40):
            with torch.no_grad():
                losses = (model(inputs[batch]) - targets[batch]).square().squeeze(1)
            batch = batch[losses.argsort()[8:]]
            loss = nn.functional.mse_loss(model(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


tried_out()
several_answers()
brought_back()
product()
layers()
momentum_by_hand()
measured_anew()
chosen()
