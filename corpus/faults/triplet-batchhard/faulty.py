import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class EmbeddingNet(nn.Module):
    def __init__(self, in_dim=64, hidden=128, out_dim=16, p=0.1):
        super().__init__()
        self.fc1 = nn.Linear(in_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, out_dim)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(F.gelu(self.fc1(x)))
        x = self.drop(F.gelu(self.fc2(x)))
        return F.normalize(self.head(x), dim=1)


class BatchHardTripletLoss(nn.Module):
    """Hermans et al. 2017: hardest positive and hardest negative for every anchor."""

    def __init__(self, margin=0.3):
        super().__init__()
        self.margin = margin

    def pairwise(self, z):
        diff = z.unsqueeze(1) - z.unsqueeze(0)
        return diff.pow(2).sum(-1).sqrt()

    def forward(self, z, y):
        dist = self.pairwise(z)
        same = y.unsqueeze(0) == y.unsqueeze(1)
        hardest_pos = (dist * same).max(dim=1).values
        hardest_neg = (dist + 10.0 * same).min(dim=1).values
        return F.softplus(8 * (hardest_pos - hardest_neg + self.margin)).mean() / 8


def recall_at_1(net, gallery, gallery_y, queries, queries_y):
    net.eval()
    with torch.no_grad():
        sim = net(queries) @ net(gallery).T
    return (gallery_y[sim.argmax(1)] == queries_y).float().mean().item()


def load(seed):
    x, y = load_digits(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
    mu, sd = x_tr.mean(0), x_tr.std(0) + 1e-2
    as_t = lambda a: torch.tensor((a - mu) / sd, dtype=torch.float32).clamp(-4, 4)
    return as_t(x_tr), torch.tensor(y_tr), as_t(x_te), torch.tensor(y_te)


def main():
    x_tr, y_tr, x_te, y_te = load(int(os.environ.get("SEED", 0)))
    loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=96, shuffle=True, drop_last=True)
    net = EmbeddingNet()
    criterion = BatchHardTripletLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4)
    for epoch in range(20):
        net.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(net(xb), yb)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 4 == 3:
            r1 = recall_at_1(net, x_tr, y_tr, x_te, y_te)
            print(f"epoch {epoch + 1}: triplet loss {total / len(loader):.4f} recall@1 {r1:.4f}")
    print("RESULT recall_at_1", round(recall_at_1(net, x_tr, y_tr, x_te, y_te), 4))


if __name__ == "__main__":
    main()
