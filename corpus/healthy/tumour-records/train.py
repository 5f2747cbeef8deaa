import copy
import os

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class SAM:
    """Sharpness-aware minimisation around any optimizer: climb to the worst point within rho, step from the old point."""

    def __init__(self, base, rho=0.05):
        self.base, self.rho = base, rho
        self.moved = {}

    def params(self):
        for group in self.base.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    yield p

    @torch.no_grad()
    def climb(self):
        norm = torch.stack([p.grad.norm() for p in self.params()]).norm()
        for p in self.params():
            e = p.grad * (self.rho / (norm + 1e-12))
            p.add_(e)
            self.moved[p] = e
        self.base.zero_grad()

    @torch.no_grad()
    def step(self):
        for p, e in self.moved.items():
            p.sub_(e)
        self.moved.clear()
        self.base.step()
        self.base.zero_grad()


def load():
    d = load_breast_cancer()
    x_tr, x_te, y_tr, y_te = train_test_split(d.data, d.target, test_size=0.3, stratify=d.target, random_state=SEED)
    x_tr, x_va, y_tr, y_va = train_test_split(x_tr, y_tr, test_size=0.2, stratify=y_tr, random_state=SEED)
    scale = StandardScaler().fit(x_tr)
    f = lambda a: torch.tensor(scale.transform(a), dtype=torch.float32)
    g = lambda a: torch.tensor(a, dtype=torch.float32).unsqueeze(1)
    return (f(x_tr), g(y_tr)), (f(x_va), g(y_va)), (f(x_te), g(y_te))


@torch.no_grad()
def check(model, data, criterion):
    model.eval()
    out = model(data[0])
    return criterion(out, data[1]).item(), ((out > 0).float() == data[1]).float().mean().item()


def main():
    train, valid, test = load()
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
    criterion = nn.BCEWithLogitsLoss()
    sam = SAM(torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4), rho=0.05)
    best, best_state, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
    for epoch in range(60):
        model.train()
        first_sum = second_sum = 0.0
        batches = torch.randperm(len(train[0])).split(32)
        for idx in batches:
            x, y = train[0][idx], train[1][idx]
            first = criterion(model(x), y)
            first.backward()
            sam.climb()
            second = criterion(model(x), y)
            second.backward()
            sam.step()
            first_sum += first.item()
            second_sum += second.item()
        v_loss, v_acc = check(model, valid, criterion)
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {first_sum / len(batches):.4f}, uphill {second_sum / len(batches):.4f}, valid {v_loss:.4f} / {v_acc:.4f}")
        if v_loss < best - 1e-4:
            best, best_state, waited = v_loss, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
            if waited == 15:
                print(f"stopped after epoch {epoch}")
                break
    model.load_state_dict(best_state)
    print("RESULT test_accuracy", round(check(model, test, criterion)[1], 4))


main()
