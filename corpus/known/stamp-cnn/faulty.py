import json
import os
from functools import partial

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)

ACTIVATIONS = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "softmax": partial(nn.Softmax, dim=1),
}

CONFIG = json.loads("""
{
    "layers": [
        {"type": "conv", "filters": 16},
        {"type": "pool"},
        {"type": "conv", "filters": 32},
        {"type": "pool"},
        {"type": "flatten"},
        {"type": "dense", "units": 64},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "units": 10}
    ],
    "activation": "softmax",
    "optimizer": {"lr": 0.02, "momentum": 0.9},
    "batch_size": 32,
    "epochs": 12
}
""")


def build(layers, activation, shape=(1, 8, 8)):
    """Makes a network of the list of layers; all but the last have the same activation."""
    modules = []
    for layer in layers:
        kind = layer["type"]
        if kind == "conv":
            modules.append(nn.Conv2d(shape[0], layer["filters"], 3, padding=1))
            shape = (layer["filters"], *shape[1:])
        elif kind == "pool":
            modules.append(nn.MaxPool2d(2))
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
        elif kind == "flatten":
            modules.append(nn.Flatten())
            shape = (shape[0] * shape[1] * shape[2],)
        elif kind == "dense":
            modules.append(nn.Linear(shape[0], layer["units"]))
            shape = (layer["units"],)
        elif kind == "dropout":
            modules.append(nn.Dropout(layer["rate"]))
        if kind in ("conv", "dense") and layer is not layers[-1]:
            modules.append(ACTIVATIONS[activation]())
    return nn.Sequential(*modules)


def load(seed):
    digits = load_digits()
    rows = np.random.default_rng(seed).permutation(len(digits.target))
    images = torch.tensor((digits.images[rows] - 4.88) / 6.02, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target[rows])
    return (images[:1300], labels[:1300]), (images[1300:], labels[1300:])


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def run(config, seed):
    torch.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = load(seed)
    model = build(config["layers"], config["activation"])
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    optimizer = torch.optim.SGD(model.parameters(), **config["optimizer"])
    for epoch in range(config["epochs"]):
        model.train()
        losses = []
        for rows in torch.randperm(len(x_train)).split(config["batch_size"]):
            loss = nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        val_loss, val_acc = evaluate(model, x_test, y_test)
        print(f"Epoch {epoch + 1}/{config['epochs']} - loss: {np.mean(losses):.4f} - val_loss: {val_loss:.4f} - val_acc: {val_acc:.4f}")
    return val_acc


if __name__ == "__main__":
    print("RESULT val_accuracy", round(run(CONFIG, int(os.environ.get("SEED", "0"))), 4))
