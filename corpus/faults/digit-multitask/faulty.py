import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)

config = {
    "seed": int(os.environ.get("SEED", "0")),
    "model": {"width": 64, "blocks": 2, "dropout": 0.1},
    "optim": {"lr": 2e-3, "weight_decay": 0.5},
    "loss": {"digit": 1.0, "loops": 0.5, "ink": 0.5},
    "epochs": 20,
    "batch_size": 48,
}
LOOPS = torch.tensor([1, 0, 0, 0, 0, 0, 1, 0, 1, 1])      # digits that have a closed loop


class GatedResidual(nn.Module):
    """Block of a temporal fusion transformer: two layers, a gate, a residual path."""

    def __init__(self, width, dropout):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, width)
        self.gate = nn.Linear(width, 2 * width)
        self.drop = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        h = self.drop(self.fc2(F.elu(self.fc1(x))))
        return self.norm(x + F.glu(self.gate(h), dim=-1))


class MultiTaskNet(nn.Module):
    def __init__(self, n_in, width, blocks, dropout):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.ModuleList([GatedResidual(width, dropout) for _ in range(blocks)])
        self.heads = nn.ModuleDict({"digit": nn.Linear(width, 10), "loops": nn.Linear(width, 1), "ink": nn.Linear(width, 1)})

    def forward(self, x):
        h = self.stem(x)
        for block in self.blocks:
            h = block(h)
        return {name: head(h) for name, head in self.heads.items()}


def load(seed):
    images, digit = load_digits(return_X_y=True)
    images = images.astype(np.float32) / 16.0
    ink = images.sum(1)
    a, b = train_test_split(np.arange(len(digit)), test_size=0.3, stratify=digit, random_state=seed)
    ink = (ink - ink[a].mean()) / ink[a].std()
    images = (images - images[a].mean()) / images[a].std()

    def pack(rows):
        d = torch.tensor(digit[rows])
        return {"x": torch.tensor(images[rows]), "digit": d, "loops": LOOPS[d].float()[:, None],
                "ink": torch.tensor(ink[rows])[:, None]}
    return pack(a), pack(b)


def joint_loss(out, batch, weights):
    parts = {
        "digit": F.cross_entropy(out["digit"], batch["digit"]),
        "loops": F.binary_cross_entropy_with_logits(out["loops"], batch["loops"]),
        "ink": F.mse_loss(out["ink"], batch["ink"]),
    }
    return sum(weights[k] * v for k, v in parts.items()), parts


def main(cfg):
    torch.manual_seed(cfg["seed"])
    train, test = load(cfg["seed"])
    model = MultiTaskNet(64, **cfg["model"])
    optimizer = torch.optim.Adam(model.parameters(), **cfg["optim"])
    n = len(train["x"])
    for epoch in range(1, cfg["epochs"] + 1):
        model.train()
        sums = dict.fromkeys(cfg["loss"], 0.0)
        for rows in torch.randperm(n).split(cfg["batch_size"]):
            batch = {k: v[rows] for k, v in train.items()}
            loss, parts = joint_loss(model(batch["x"]), batch, cfg["loss"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for k, v in parts.items():
                sums[k] += v.item() * len(rows) / n
        if epoch % 4 == 0:
            print(epoch, {k: round(v, 4) for k, v in sums.items()})

    model.eval()
    with torch.no_grad():
        out = model(test["x"])
    acc = (out["digit"].argmax(1) == test["digit"]).float().mean().item()
    loops = ((out["loops"] > 0) == (test["loops"] > 0.5)).float().mean().item()
    print(f"loops accuracy {loops:.4f}, ink mse {F.mse_loss(out['ink'], test['ink']).item():.4f}")
    print(f"RESULT digit_accuracy {acc:.4f}")


main(config)
