import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_classification(12000, n_features=14, n_informative=8, weights=[0.97], flip_y=0.0, class_sep=1.6, n_clusters_per_class=1, random_state=3)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, stratify=y, test_size=0.25, random_state=seed)
scaler = StandardScaler().fit(X_tr)
X_tr = torch.tensor(scaler.transform(X_tr), dtype=torch.float32)
X_te = torch.tensor(scaler.transform(X_te), dtype=torch.float32)
y_tr, y_te_t = torch.tensor(y_tr), torch.tensor(y_te)

counts = torch.bincount(y_tr).float()
class_weights = counts.sum() / (2 * counts)
print("weights of the classes", class_weights.tolist())


class FraudNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(14, 32), nn.BatchNorm1d(32), nn.LeakyReLU(), nn.Linear(32, 16), nn.LeakyReLU())
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.body(x))


net = FraudNet()
criterion = nn.CrossEntropyLoss(weight=class_weights)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
for epoch in range(12):
    net.train()
    for i in torch.randperm(len(X_tr)).split(128):
        optimizer.zero_grad()
        loss = criterion(net(X_tr[i]), y_tr[i])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        prob = net(X_te).softmax(1)[:, 1]
        ap = average_precision_score(y_te, prob.numpy())
        recall = ((prob > 0.5) & (y_te_t == 1)).sum().item() / (y_te == 1).sum()
    print(f"epoch {epoch}: weighted loss {loss.item():.4f} average precision {ap:.4f} recall {recall:.3f}")
print(f"RESULT average_precision {ap:.4f}")
