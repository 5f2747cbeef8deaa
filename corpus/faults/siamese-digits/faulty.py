import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)


class DigitPairs(Dataset):
    """Random pairs, about half of them of the same digit."""

    def __init__(self, images, labels, n_pairs):
        self.images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)
        by_class = [np.where(labels == c)[0] for c in range(10)]
        left = np.random.randint(0, len(labels), n_pairs)
        right = np.random.randint(0, len(labels), n_pairs)
        want_same = np.random.rand(n_pairs) < 0.5
        for k in np.where(want_same)[0]:
            right[k] = np.random.choice(by_class[labels[left[k]]])
        self.left, self.right = left, right
        self.same = (labels[left] == labels[right]).astype("float32")

    def __len__(self):
        return len(self.left)

    def __getitem__(self, k):
        return self.images[self.left[k]], self.images[self.right[k]], self.same[k]


class Encoder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(),
        )
        self.project = nn.Linear(32 * 4 * 4, dim)

    def forward(self, x):
        return self.project(self.features(x))


class SiameseTrainer:
    def __init__(self, encoder, lr=1e-3, margin=0.2):
        self.encoder = encoder
        self.criterion = nn.CosineEmbeddingLoss(margin=margin)
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=lr)

    def fit(self, loader, epochs):
        self.encoder.train()
        for epoch in range(1, epochs + 1):
            losses = []
            for a, b, target in loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.encoder(a), self.encoder(b), target)
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            print(f"epoch {epoch:2d}  loss {np.mean(losses):.5f}")

    @torch.no_grad()
    def similarity(self, loader):
        self.encoder.eval()
        sims, truth = [], []
        for a, b, target in loader:
            sims.append(torch.cosine_similarity(self.encoder(a), self.encoder(b)))
            truth.append(target)
        return torch.cat(sims).numpy(), (torch.cat(truth) > 0).numpy()


digits = load_digits()
X_tr, X_te, y_tr, y_te = train_test_split(digits.images / 16.0, digits.target, test_size=0.3, stratify=digits.target, random_state=SEED)
train_loader = DataLoader(DigitPairs(X_tr, y_tr, 4000), batch_size=64, shuffle=True)
test_loader = DataLoader(DigitPairs(X_te, y_te, 1500), batch_size=256)

trainer = SiameseTrainer(Encoder())
trainer.fit(train_loader, epochs=8)
sims, truth = trainer.similarity(test_loader)
print(f"mean similarity same {sims[truth].mean():.3f} different {sims[~truth].mean():.3f}")
print(f"RESULT test_auc {roc_auc_score(truth, sims):.4f}")
