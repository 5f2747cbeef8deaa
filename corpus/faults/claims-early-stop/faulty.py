"""Will an insurance claim be contested? The best epoch is chosen on the validation part."""
import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset, random_split

SEED = int(os.environ.get("SEED", 0))
torch.set_num_threads(1)
torch.manual_seed(SEED)

CONFIG = {
    "known_claims": 1200,
    "later_claims": 3000,
    "hidden": 256,
    "lr": 2e-3,
    "epochs": 70,
    "batch_size": 36,
}


def load_claims(config):
    n = config["known_claims"] + config["later_claims"]
    x, y = make_classification(n_samples=n, n_features=20, n_informative=6, n_redundant=2, class_sep=1.2,
                               flip_y=0.35, random_state=SEED)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    k = config["known_claims"]
    x = (x - x[:k].mean(0)) / x[:k].std(0)
    return TensorDataset(x[:k], y[:k]), TensorDataset(x[k:], y[k:])


def get_loader(dataset, part, batch_size):
    train_part, val_part = random_split(dataset, [0.75, 0.25])
    if part == "train":
        return DataLoader(train_part, batch_size=batch_size, shuffle=True)
    return DataLoader(val_part, batch_size=300)


def build_model(config):
    h = config["hidden"]
    return nn.Sequential(nn.Linear(20, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 2))


def train_one_epoch(model, loader, optimizer, loss_fn):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


def accuracy(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
    return right / len(loader.dataset)


def main(config):
    known, later = load_claims(config)
    train_loader = get_loader(known, "train", config["batch_size"])
    val_loader = get_loader(known, "val", config["batch_size"])

    model = build_model(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    loss_fn = nn.CrossEntropyLoss()
    best_acc, best_epoch, best_state = 0.0, -1, None
    for epoch in range(config["epochs"]):
        train_loss = train_one_epoch(model, train_loader, optimizer, loss_fn)
        val_acc = accuracy(model, val_loader)
        if val_acc > best_acc:
            best_acc, best_epoch, best_state = val_acc, epoch, copy.deepcopy(model.state_dict())
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: train loss {train_loss:.4f}, validation accuracy {val_acc:.4f}")

    model.load_state_dict(best_state)
    later_acc = accuracy(model, DataLoader(later, batch_size=500))
    print(f"best epoch {best_epoch + 1}: validation accuracy {best_acc:.4f}, claims of the next quarter {later_acc:.4f}")
    print(f"RESULT validation_minus_later_accuracy {best_acc - later_acc:.4f}")


if __name__ == "__main__":
    main(CONFIG)
