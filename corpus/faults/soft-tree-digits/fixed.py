import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class SoftTree(nn.Module):
    """Frosst & Hinton: every inner node sends an example left or right with some probability."""

    def __init__(self, n_in, n_classes, depth=5, inv_temp=1.0):
        super().__init__()
        self.depth, self.inv_temp = depth, inv_temp
        self.nodes = nn.Linear(n_in, 2 ** depth - 1)
        self.leaves = nn.Parameter(0.01 * torch.randn(2 ** depth, n_classes))

    def path_probs(self, x):
        right = torch.sigmoid(self.inv_temp * self.nodes(x))
        mu = x.new_ones(len(x), 1)
        first = 0
        for level in range(self.depth):
            p = right[:, first:first + 2 ** level]
            mu = torch.stack([mu * (1 - p), mu * p], dim=2).flatten(1)
            first += 2 ** level
        return mu

    def forward(self, x):
        return self.path_probs(x) @ self.leaves.softmax(dim=1)


def load():
    data = load_digits()
    a, b, ya, yb = train_test_split(data.data, data.target, test_size=0.25, stratify=data.target, random_state=SEED)
    mean, std = a.mean(0), a.std(0).clip(min=0.5)
    as_x = lambda m: torch.tensor((m - mean) / std, dtype=torch.float32)
    return as_x(a), torch.tensor(ya), as_x(b), torch.tensor(yb)


x_train, y_train, x_test, y_test = load()
tree = SoftTree(64, 10, depth=5, inv_temp=1.0)
optimizer = torch.optim.Adam(tree.parameters(), lr=0.01)
nll = nn.NLLLoss()

for epoch in range(20):
    tree.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        loss = nll(torch.log(tree(x_train[idx]) + 1e-8), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 4 == 3:
        tree.eval()
        with torch.no_grad():
            acc = (tree(x_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch + 1}: nll {total / len(x_train):.4f} acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
