"""Small trainings that compute for themselves, by plain PyTorch, what headtorch is to have recorded of each."""

import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
expected: dict[str, dict] = {}


def norms(tensors):
    return [0.0 if tensor is None else tensor.detach().double().norm().item() for tensor in tensors]


def regression():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        model[0].bias[:3] = -100.0  # three units of eight that never fire
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.5)
    found = expected["regression"] = {
        name: [] for name in ("loss", "grad_norm", "weight_norm", "update_ratio", "dead_share", "zero_share", "rate",
                              "prediction", "target", "input", "output_grad_norm",
                              "stale_grad_norm", "measure", "eval_loss")
    }  # fmt: skip
    for _ in range(12):
        inputs = torch.randn(32, 6) * 3 + 1
        targets = inputs[:, :1] * 2
        hidden = model[1](model[0](inputs))
        prediction = model(inputs)
        loss = F.mse_loss(prediction, targets)
        optimizer.zero_grad()
        slope = torch.func.grad(lambda p, t: F.mse_loss(p, t))(prediction.detach(), targets)
        inner = (slope @ model[2].weight) * (hidden > 0)
        loss.backward()
        before = [parameter.detach().clone() for parameter in model.parameters()]
        optimizer.step()
        found["rate"].append(optimizer.param_groups[0]["lr"])
        schedule.step()
        with torch.no_grad():
            found["eval_loss"].append(F.mse_loss(model(inputs), targets).item())
        found["loss"].append(loss.item())
        found["grad_norm"].append(norms(parameter.grad for parameter in model.parameters()))
        found["weight_norm"].append(norms(before))
        moved = [now.detach() - old for now, old in zip(model.parameters(), before, strict=True)]
        found["update_ratio"].append([a / b for a, b in zip(norms(moved), norms(before), strict=True)])
        found["dead_share"].append((hidden == 0).all(dim=0).float().mean().item())
        found["zero_share"].append((hidden == 0).float().mean().item())
        found["output_grad_norm"].append(norms([inner, slope]))
        found["measure"].append(1 - (F.mse_loss(prediction, targets) / targets.var(correction=0)).item())
        for name, tensor in (("prediction", prediction), ("target", targets), ("input", inputs)):
            deviation = tensor.std(correction=0)
            found[name].append([x.item() for x in (tensor.mean(), deviation, tensor.min(), tensor.max())])


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)
        self.last, self.unused = nn.Linear(6, 3), nn.Linear(2, 2)

    def forward(self, inputs):
        self.hidden = torch.tanh(self.first(inputs) * 4)
        return self.last(self.drop(self.norm(self.hidden)))


def classification():
    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    names = ("loss", "saturated_share", "class_count", "measure", "activation_mean", "activation_std")
    found = expected["classification"] = {name: [] for name in names}
    inputs, classes = torch.randn(20, 4), torch.randint(3, (20,))
    inputs[7] = inputs[2]
    for step in range(10):
        if step == 4:
            model.eval()
        order = torch.randperm(20) if step % 2 else torch.arange(20)
        prediction = model(inputs[order])
        loss = F.cross_entropy(prediction, classes[order])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found["loss"].append(loss.item())
        found["saturated_share"].append((model.hidden.abs() > 0.98).float().mean().item())
        found["activation_mean"].append(model.hidden.mean().item())
        found["activation_std"].append(model.hidden.std(correction=0).item())
        found["class_count"].append(torch.bincount(classes, minlength=3).tolist())
        found["measure"].append((prediction.argmax(1) == classes[order]).float().mean().item())


def broadcast():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.randn(16, 4)
    for _ in range(2):
        loss = ((model(inputs) - inputs[:, 0]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def two_terms():
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2), nn.Sigmoid())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.randn(16, 4)
    for _ in range(2):
        output = model(inputs)
        loss = F.binary_cross_entropy(output, torch.ones(16, 2))
        loss = loss + 0.5 * F.l1_loss(output, torch.zeros(16, 2), reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, inputs):
        return self.linear((inputs - 1) / 2)


def temporary():
    model = Centred()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    found = expected["temporary"] = {"label": [], "explained": []}
    inputs = torch.randn(40, 3)
    targets = inputs[:, :1] * 2 + torch.randn(40, 1)
    for _ in range(3):
        batch = torch.randperm(40)[:16]
        loss = F.mse_loss(model(inputs[batch]), targets[batch])  # what it is given is gone when the loss is there
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found["label"].append(targets[batch].flatten().tolist())
        both = torch.corrcoef(torch.cat([inputs[batch], targets[batch]], dim=1).T)
        found["explained"].append(both[-1, :3].square().mean().item())


def turns_nan():
    weight = torch.ones(3, requires_grad=True)
    found = expected["turns_nan"] = {"loss": []}
    for step in range(4):
        loss = (weight * (math.inf if step == 2 else 1.0)).sum() * (0 if step == 3 else 1)
        loss.backward()
        weight.data -= 0.1 * weight.grad
        weight.grad = None
        found["loss"].append(loss.item())


regression()
classification()
broadcast()
two_terms()
temporary()
turns_nan()
json.dump(expected, sys.stdout)
