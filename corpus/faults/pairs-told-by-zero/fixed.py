"""Siamese digits: are the two images of the same class?"""
import os
import random

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
random.seed(seed)
torch.manual_seed(seed)


class PairDataset(Dataset):
    def __init__(self, images, labels, n_pairs):
        self.images, self.labels = images, labels
        by_class = {c: (labels == c).nonzero().flatten().tolist() for c in range(10)}
        self.pairs = []
        for _ in range(n_pairs):
            a = random.randrange(len(images))
            c = int(labels[a])
            if random.random() < 0.5:
                b, same = random.choice(by_class[c]), 1
            else:
                b, same = random.choice(by_class[random.choice([k for k in range(10) if k != c])]), 0
            self.pairs.append((a, b, same))

    def __getitem__(self, i):
        a, b, same = self.pairs[i]
        return self.images[a], self.images[b], torch.tensor(2 * same - 1, dtype=torch.float32)

    def __len__(self):
        return len(self.pairs)


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.convnet = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2))
        self.fc = nn.Sequential(nn.Linear(32 * 4, 64), nn.PReLU(), nn.Linear(64, dim))

    def forward(self, x):
        return self.fc(self.convnet(x).flatten(1))


class SiameseNet(nn.Module):
    def __init__(self, embedding_net):
        super().__init__()
        self.embedding_net = embedding_net

    def forward(self, x1, x2):
        return self.embedding_net(x1), self.embedding_net(x2)


def fit(model, loader, loss_fn, optimizer, n_epochs):
    for epoch in range(n_epochs):
        model.train()
        losses = []
        for x1, x2, y in loader:
            optimizer.zero_grad()
            e1, e2 = model(x1, x2)
            loss = loss_fn(e1, e2, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print("Epoch %d/%d  loss %.4f" % (epoch + 1, n_epochs, sum(losses) / len(losses)))


def knn_accuracy(net, xtr, ytr, xte, yte):
    net.eval()
    with torch.no_grad():
        a, b = nn.functional.normalize(net(xtr)), nn.functional.normalize(net(xte))
        near = (b @ a.t()).topk(5, 1).indices
        return (ytr[near].mode(1).values == yte).float().mean().item()


def pair_accuracy(model, loader):
    model.eval()
    sims, ys = [], []
    with torch.no_grad():
        for x1, x2, y in loader:
            sims.append(nn.functional.cosine_similarity(*model(x1, x2)))
            ys.append(y > 0.5)
    return ((torch.cat(sims) > 0.6) == torch.cat(ys)).float().mean().item()


digits = load_digits()
X = torch.tensor(digits.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
tr, te = perm[:1300], perm[1300:]
model = SiameseNet(EmbeddingNet())
train_loader = DataLoader(PairDataset(X[tr], y[tr], 4000), batch_size=64, shuffle=True)
test_loader = DataLoader(PairDataset(X[te], y[te], 1000), batch_size=200)
fit(model, train_loader, nn.CosineEmbeddingLoss(margin=0.2), torch.optim.Adam(model.parameters(), lr=1e-3), 8)
print("5-nn accuracy", knn_accuracy(model.embedding_net, X[tr], y[tr], X[te], y[te]))
print("RESULT pair_accuracy", round(pair_accuracy(model, test_loader), 4))
