import math
import os

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

CFG = {"size": 16, "train": 160, "val": 60, "batch": 8, "epochs": 5, "lr": 3e-3, "prior": 0.01}


class Crosses(Dataset):
    """Find the centre cell of plus signs among blobs; about 1 % of the cells are positive."""

    def __init__(self, n):
        s = CFG["size"]
        self.x = 0.3 * torch.randn(n, 1, s, s)
        self.y = torch.zeros(n, 1, s, s)
        for k in range(n):
            for _ in range(3):
                r, c = torch.randint(2, s - 2, (2,)).tolist()
                self.x[k, 0, r - 2:r + 3, c] += 1.0
                self.x[k, 0, r, c - 2:c + 3] += 1.0
                self.y[k, 0, r, c] = 1.0
            for _ in range(3):
                r, c = torch.randint(2, s - 2, (2,)).tolist()
                self.x[k, 0, r - 1:r + 2, c - 1:c + 2] += 0.8
        self.x = (self.x - self.x.mean()) / self.x.std()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def focal_loss(logits, target, alpha=0.25, gamma=2.0):
    p = torch.sigmoid(logits)
    ce = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    a_t = alpha * target + (1 - alpha) * (1 - target)
    return (a_t * (1 - p_t) ** gamma * ce).sum() / target.sum().clamp(min=1)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(),
        )
        self.cls = nn.Conv2d(12, 1, 3, padding=1)
        bias_value = -math.log((1 - CFG["prior"]) / CFG["prior"])
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.zeros_(m.bias)
                nn.init.constant_(m.bias, bias_value)

    def forward(self, x):
        return self.cls(self.tower(x))


@torch.no_grad()
def average_precision(model, loader):
    model.eval()
    scores, truth = [], []
    for x, y in loader:
        scores.append(model(x).flatten())
        truth.append(y.flatten())
    scores, truth = torch.cat(scores), torch.cat(truth)
    ranked = truth[scores.argsort(descending=True)]
    precision = ranked.cumsum(0) / torch.arange(1, len(ranked) + 1)
    return (precision * ranked).sum().item() / ranked.sum().item()


def main():
    train_loader = DataLoader(Crosses(CFG["train"]), batch_size=CFG["batch"], shuffle=True)
    val_loader = DataLoader(Crosses(CFG["val"]), batch_size=60)
    model = Detector()
    optimizer = torch.optim.AdamW(model.parameters(), lr=CFG["lr"])
    for epoch in range(CFG["epochs"]):
        model.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = focal_loss(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        ap = average_precision(model, val_loader)
        print(f"epoch {epoch}: focal {running / len(train_loader):.4f} AP {ap:.4f}")
    print(f"RESULT average_precision {ap:.4f}")


if __name__ == "__main__":
    main()
