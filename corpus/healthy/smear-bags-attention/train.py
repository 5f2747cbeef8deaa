"""Blood smears: is the parasite anywhere among the cells of a smear? Labels exist for whole smears only.

Attention-based multiple instance learning: a smear is a bag of cells of varying number, weights over the cells add up to one.
"""
import math
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

FEATURES = 6
INFECTED = torch.tensor([2.4, 2.4, -2.4, 0.0, 0.0, 0.0])
PLATELET = torch.tensor([2.4, -1.5, 0.0, 2.0, 0.0, 0.0])


def make_smear(positive):
    """Measures of 12 to 25 cells, which of them are infected, and the label of the smear."""
    n = int(torch.randint(12, 26, ()))
    cells = torch.randn(n, FEATURES)
    kind = torch.zeros(n, dtype=torch.bool)
    order = torch.randperm(n)
    k = int(torch.randint(2, 6, ()))
    if positive:
        kind[order[:k]] = True
        cells[order[:k]] = 0.7 * cells[order[:k]] + INFECTED
    decoys = order[k:k + int(torch.randint(0, 4, ()))]
    cells[decoys] = cells[decoys] + PLATELET
    return cells, kind, float(positive)


def make_smears(n):
    return [make_smear(i % 2 == 0) for i in range(n)]


class SmearNet(nn.Module):
    def __init__(self, width=32, att=16):
        super().__init__()
        self.cell = nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.att_v = nn.Linear(width, att)
        self.att_u = nn.Linear(width, att)
        self.att_w = nn.Linear(att, 1)
        self.out = nn.Linear(width, 1)

    def forward(self, cells):
        h = self.cell(cells)                                                        # n x width
        a = self.att_w(torch.tanh(self.att_v(h)) * torch.sigmoid(self.att_u(h)))    # n x 1
        a = torch.softmax(a, dim=0)
        pooled = (a * h).sum(dim=0)                                                 # width
        return self.out(pooled).squeeze(0), a.squeeze(1)


@torch.no_grad()
def examine(model, smears):
    model.eval()
    right, found, positives, nll = 0, 0, 0, 0.0
    for cells, kind, label in smears:
        logit, a = model(cells)
        right += int((logit.item() > 0) == (label > 0.5))
        p = torch.sigmoid(logit).clamp(1e-6, 1 - 1e-6).item()
        nll -= math.log(p if label > 0.5 else 1 - p)
        if label > 0.5:
            positives += 1
            found += int(kind[a.argmax()])
    return {"accuracy": right / len(smears), "nll": nll / len(smears), "top_cell_infected": found / positives}


def main():
    train, test = make_smears(480), make_smears(300)
    loader = DataLoader(train, batch_size=8, shuffle=True, collate_fn=list)
    model = SmearNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)

    for epoch in range(1, 11):
        model.train()
        total = 0.0
        for bags in loader:
            logits = torch.stack([model(cells)[0] for cells, _, _ in bags])
            labels = torch.tensor([label for _, _, label in bags])
            loss = criterion(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 2 == 0:
            m = examine(model, test)
            print(f"epoch {epoch:2d} loss {total / len(loader):.4f} "
                  + " ".join(f"{k} {v:.3f}" for k, v in m.items()))

    final = examine(model, test)
    print("RESULT test_accuracy", round(final["accuracy"], 4))


if __name__ == "__main__":
    main()
