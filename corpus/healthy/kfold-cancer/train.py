import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))


def build_model():
    return nn.Sequential(nn.Linear(30, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 1))


def fit_fold(X_tr, y_tr, X_va, y_va, max_epochs=25):
    model = build_model()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    loss_fn = nn.BCEWithLogitsLoss()
    loader = DataLoader(TensorDataset(X_tr, y_tr), batch_size=32, shuffle=True)
    for epoch in range(max_epochs):
        model.train()
        for xb, yb in loader:
            opt.zero_grad()
            loss_fn(model(xb).squeeze(1), yb).backward()
            opt.step()
    model.eval()
    with torch.no_grad():
        logits = model(X_va).squeeze(1)
    return roc_auc_score(y_va.numpy(), logits.numpy()), ((logits > 0).float() == y_va).float().mean().item()


X, y = load_breast_cancer(return_X_y=True)
torch.manual_seed(seed)
scores = []
for fold, (tr, va) in enumerate(StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)):
    sc = StandardScaler().fit(X[tr])
    to = lambda a: torch.tensor(a, dtype=torch.float32)
    auc, acc = fit_fold(to(sc.transform(X[tr])), to(y[tr]), to(sc.transform(X[va])), to(y[va]))
    scores.append(acc)
    print(f"fold {fold + 1}: auc {auc:.4f} accuracy {acc:.4f}")
print(f"accuracy {np.mean(scores):.4f} +- {np.std(scores):.4f}")
print(f"RESULT mean_accuracy {np.mean(scores):.4f}")
