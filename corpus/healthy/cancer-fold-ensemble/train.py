import os

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)

CONFIG = dict(folds=5, hidden=32, dropout=0.2, lr=3e-3, weight_decay=1e-4, batch=32, epochs=40)


def build(n_in, cfg):
    return nn.Sequential(
        nn.Linear(n_in, cfg["hidden"]), nn.ReLU(), nn.Dropout(cfg["dropout"]),
        nn.Linear(cfg["hidden"], cfg["hidden"] // 2), nn.ReLU(),
        nn.Linear(cfg["hidden"] // 2, 1),
    )


def as_tensor(a):
    return torch.as_tensor(np.asarray(a), dtype=torch.float32)


def predict(net, x):
    net.eval()
    with torch.no_grad():
        return torch.sigmoid(net(x)).squeeze(1)


def fit_fold(x, y, x_val, y_val, cfg, tag):
    net = build(x.shape[1], cfg)
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(1, cfg["epochs"] + 1):
        net.train()
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            opt.zero_grad()
            criterion(net(x[idx]), y[idx].unsqueeze(1)).backward()
            opt.step()
        if epoch % 10 == 0:
            acc = ((predict(net, x_val) > 0.5).float() == y_val).float().mean().item()
            print(f"{tag} epoch {epoch:2d}: accuracy on the fold {acc:.4f}")
    return net, acc


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    data = load_breast_cancer()
    dev_x, test_x, dev_y, test_y = train_test_split(data.data, data.target, test_size=0.2, stratify=data.target, random_state=seed)

    members, scores = [], []
    splitter = StratifiedKFold(n_splits=CONFIG["folds"], shuffle=True, random_state=seed)
    for k, (tr, va) in enumerate(splitter.split(dev_x, dev_y)):
        scaler = StandardScaler().fit(dev_x[tr])
        net, acc = fit_fold(
            as_tensor(scaler.transform(dev_x[tr])), as_tensor(dev_y[tr]),
            as_tensor(scaler.transform(dev_x[va])), as_tensor(dev_y[va]), CONFIG, f"fold {k + 1}",
        )
        members.append((scaler, net))
        scores.append(acc)
    print(f"cross-validated accuracy {np.mean(scores):.4f} +- {np.std(scores):.4f}")

    votes = torch.stack([predict(net, as_tensor(scaler.transform(test_x))) for scaler, net in members])
    alone = [((v > 0.5).numpy() == test_y).mean() for v in votes]
    print("members alone", [round(float(a), 4) for a in alone])
    final = ((votes.mean(0) > 0.5).numpy() == test_y).mean()
    print(f"RESULT test_accuracy {final:.4f}")


main()
