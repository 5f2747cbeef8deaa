"""Wine cultivars, 4-fold cross-validation of a small MLP; weight decay picked inside every fold."""
import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def make_net(n_in, n_out, hidden=32):
    return nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, n_out))


def fit(X, y, weight_decay, epochs=35, batch_size=16):
    scaler = StandardScaler().fit(X)
    Xt = torch.tensor(scaler.transform(X), dtype=torch.float32)
    yt = torch.tensor(y)
    net = make_net(X.shape[1], 3)
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=weight_decay)
    for _ in range(epochs):
        net.train()
        perm = torch.randperm(len(Xt))
        for idx in perm.split(batch_size):
            opt.zero_grad()
            loss = F.cross_entropy(net(Xt[idx]), yt[idx])
            loss.backward()
            opt.step()
    return net, scaler, loss.item()


@torch.no_grad()
def evaluate(net, scaler, X, y):
    net.eval()
    logits = net(torch.tensor(scaler.transform(X), dtype=torch.float32))
    yt = torch.tensor(y)
    return F.cross_entropy(logits, yt).item(), (logits.argmax(1) == yt).float().mean().item()


X, y = load_wine(return_X_y=True)
scores = []
folds = StratifiedKFold(n_splits=4, shuffle=True, random_state=SEED)
for k, (tr, te) in enumerate(folds.split(X, y)):
    X_in, X_val, y_in, y_val = train_test_split(X[tr], y[tr], test_size=0.25, stratify=y[tr], random_state=SEED)
    candidates = {}
    for wd in (1e-3, 1e-1):
        net, scaler, _ = fit(X_in, y_in, wd)
        candidates[wd] = evaluate(net, scaler, X_val, y_val)[0]
    best_wd = min(candidates, key=candidates.get)
    net, scaler, last = fit(X[tr], y[tr], best_wd)
    test_loss, acc = evaluate(net, scaler, X[te], y[te])
    scores.append(acc)
    print(f"fold {k}: weight_decay={best_wd} train loss {last:.4f} test loss {test_loss:.4f} acc {acc:.3f}")

print(f"{np.mean(scores):.3f} +- {np.std(scores):.3f}")
print("RESULT cv_accuracy", round(float(np.mean(scores)), 4))
