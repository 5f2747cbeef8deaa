import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)

CONFIG = {
    "bits": 12,
    "hidden": 64,
    "lr": 2e-3,
    "epochs": 25,
    "batch_size": 50,
    "neighbours": 10,
    "seed": int(os.environ.get("SEED", "0")),
}


class Quantize(nn.Module):
    """Turns each activation into one bit, -1 or 1."""

    def forward(self, z):
        return z + (torch.sign(z) - z).detach()


class HashNet(nn.Module):
    def __init__(self, inputs, hidden, bits, classes):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, bits),
        )
        self.quantize = Quantize()
        self.classifier = nn.Linear(bits, classes)

    def code(self, x):
        return self.quantize(self.encoder(x))

    def forward(self, x):
        return self.classifier(self.code(x))


def load(seed):
    digits = load_digits()
    x = (digits.data - digits.data.mean(0)) / 6.0
    parts = train_test_split(x, digits.target, test_size=400, random_state=seed, stratify=digits.target)
    x_db, x_query, y_db, y_query = parts
    return (
        torch.tensor(x_db, dtype=torch.float32), torch.tensor(y_db),
        torch.tensor(x_query, dtype=torch.float32), torch.tensor(y_query),
    )


@torch.no_grad()
def precision_at(model, x_db, y_db, x_query, y_query, k):
    """Share of the right digit among the k entries nearest by Hamming distance."""
    model.eval()
    db, query = model.code(x_db), model.code(x_query)
    distance = (query.size(1) - query @ db.t()) / 2
    distance += 1e-3 * torch.rand_like(distance)  # ties in random order
    nearest = distance.topk(k, dim=1, largest=False).indices
    return (y_db[nearest] == y_query.unsqueeze(1)).float().mean().item()


def train(config):
    torch.manual_seed(config["seed"])
    x_db, y_db, x_query, y_query = load(config["seed"])
    model = HashNet(x_db.size(1), config["hidden"], config["bits"], 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    criterion = nn.CrossEntropyLoss()

    for epoch in range(1, config["epochs"] + 1):
        model.train()
        losses = []
        for rows in torch.randperm(len(x_db)).split(config["batch_size"]):
            optimizer.zero_grad()
            loss = criterion(model(x_db[rows]), y_db[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            p = precision_at(model, x_db, y_db, x_query, y_query, config["neighbours"])
            print(f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  precision@{config['neighbours']} {p:.4f}")
    return p


if __name__ == "__main__":
    print("RESULT precision_at_10", round(train(CONFIG), 4))
