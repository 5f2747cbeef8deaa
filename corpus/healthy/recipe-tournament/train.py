import math
import os
from dataclasses import dataclass

import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


@dataclass
class Recipe:
    lr: float
    momentum: float
    width: int
    dropout: float

    def __str__(self):
        return f"lr {self.lr:.4g}, momentum {self.momentum}, width {self.width}, dropout {self.dropout}"


def recipes(n=12):
    """Rates over four decades, evenly in logarithm; the rest by lot."""
    out = []
    for k in range(n):
        pick = lambda options: options[torch.randint(len(options), (1,)).item()]
        out.append(Recipe(10 ** (-4 + 4 * k / (n - 1)), pick([0.0, 0.9]), pick([32, 64]), pick([0.0, 0.2])))
    return out


class Candidate:
    def __init__(self, recipe, n_in, n_out):
        self.recipe = recipe
        self.model = nn.Sequential(
            nn.Linear(n_in, recipe.width), nn.ReLU(), nn.Dropout(recipe.dropout),
            nn.Linear(recipe.width, recipe.width), nn.ReLU(), nn.Linear(recipe.width, n_out))
        self.opt = torch.optim.SGD(self.model.parameters(), lr=recipe.lr, momentum=recipe.momentum)
        self.loss_fn = nn.CrossEntropyLoss()
        self.lost = False

    def train(self, x, y, epochs, batch=50):
        self.model.train()
        for _ in range(epochs):
            for idx in torch.randperm(len(x)).split(batch):
                loss = self.loss_fn(self.model(x[idx]), y[idx])
                if not math.isfinite(loss.item()):
                    self.lost = True
                    return
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()

    @torch.no_grad()
    def score(self, x, y):
        """Accuracy, and the loss to tell equal ones apart."""
        if self.lost:
            return 0.0, -math.inf
        self.model.eval()
        out = self.model(x)
        loss = self.loss_fn(out, y).item()
        return (out.argmax(1) == y).float().mean().item(), -loss if math.isfinite(loss) else -math.inf


def load():
    x, y = make_classification(n_samples=1800, n_features=15, n_informative=8, n_redundant=2, n_classes=3,
                               n_clusters_per_class=1, class_sep=1.6, flip_y=0.0, random_state=SEED)
    x_rest, x_test, y_rest, y_test = train_test_split(x, y, test_size=500, stratify=y, random_state=SEED)
    x_tr, x_va, y_tr, y_va = train_test_split(x_rest, y_rest, test_size=400, stratify=y_rest, random_state=SEED)
    mean, std = x_tr.mean(0), x_tr.std(0)
    f = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    return f(x_tr), torch.tensor(y_tr), f(x_va), torch.tensor(y_va), f(x_test), torch.tensor(y_test)


x_tr, y_tr, x_va, y_va, x_te, y_te = load()
field = [Candidate(r, x_tr.shape[1], 3) for r in recipes()]
for rung, epochs in enumerate([2, 4, 8]):
    for c in field:
        c.train(x_tr, y_tr, epochs)
    field.sort(key=lambda c: c.score(x_va, y_va), reverse=True)
    print(f"rung {rung}: {len(field)} candidates, best {field[0].score(x_va, y_va)[0]:.4f} ({field[0].recipe}), "
          f"worst {field[-1].score(x_va, y_va)[0]:.4f} ({field[-1].recipe})")
    field = field[:len(field) // 2]

winner = field[0]
for group in winner.opt.param_groups:
    group["lr"] *= 0.2
winner.train(x_tr, y_tr, 6)
print(f"winner: {winner.recipe}")
print("RESULT test_accuracy", round(winner.score(x_te, y_te)[0], 4))
