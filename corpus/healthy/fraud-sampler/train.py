import os
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)


class Transactions(Dataset):
    def __init__(self, X, y):
        self.X = torch.as_tensor(X, dtype=torch.float32)
        self.y = torch.as_tensor(y, dtype=torch.float32)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


# 4 % fraud, 20 columns
X, y = make_classification(n_samples=6000, n_features=20, n_informative=8, n_redundant=4, n_clusters_per_class=2,
                           weights=[0.96], class_sep=1.3, flip_y=0.005, random_state=SEED)
X_tr, X_tmp, y_tr, y_tmp = train_test_split(X, y, test_size=0.4, stratify=y, random_state=SEED)
X_va, X_te, y_va, y_te = train_test_split(X_tmp, y_tmp, test_size=0.5, stratify=y_tmp, random_state=SEED)
scaler = StandardScaler().fit(X_tr)
X_tr, X_va, X_te = map(scaler.transform, (X_tr, X_va, X_te))

weights = 1.0 / np.bincount(y_tr)[y_tr]
sampler = WeightedRandomSampler(torch.as_tensor(weights), num_samples=len(y_tr), replacement=True)
loader = DataLoader(Transactions(X_tr, y_tr), batch_size=128, sampler=sampler)

model = nn.Sequential(
    nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(32, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)


def predict(X):
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.as_tensor(X, dtype=torch.float32))).squeeze(1).numpy()


best_ap, best_state = 0.0, None
for epoch in range(8):
    model.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    p = predict(X_va)
    ap = average_precision_score(y_va, p)
    if ap > best_ap:
        best_ap, best_state = ap, {k: v.clone() for k, v in model.state_dict().items()}
    print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} val AP {ap:.3f} val balanced acc {balanced_accuracy_score(y_va, p > 0.5):.3f}")

model.load_state_dict(best_state)
p = predict(X_te)
print("test average precision", round(average_precision_score(y_te, p), 4))
print("RESULT test_balanced_accuracy", round(float(balanced_accuracy_score(y_te, p > 0.5)), 4))
