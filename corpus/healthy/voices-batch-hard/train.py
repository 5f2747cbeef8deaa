"""Recognise voices that were never trained on: triplets with all negatives first, then the hardest in the batch."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset, Sampler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

TRAITS, NUISANCE, BANDS = 8, 6, 40
W_voice = rng.standard_normal((TRAITS, BANDS)) / np.sqrt(TRAITS)
W_room = rng.standard_normal((NUISANCE, BANDS)) / np.sqrt(NUISANCE)


class Recordings(Dataset):
    """Band energies of recordings: the voice, the room and microphone, and grain."""

    def __init__(self, speakers, per_speaker):
        who = np.repeat(np.arange(speakers), per_speaker)
        voice = rng.standard_normal((speakers, TRAITS))
        room = 1.5 * rng.standard_normal((len(who), NUISANCE))
        bands = voice[who] @ W_voice + room @ W_room + 0.2 * rng.standard_normal((len(who), BANDS))
        self.x = torch.tensor(bands, dtype=torch.float32)
        self.y = torch.tensor(who)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class PKSampler(Sampler):
    """Batches of P speakers with K recordings each."""

    def __init__(self, labels, p, k, batches):
        self.labels, self.p, self.k, self.batches = labels, p, k, batches
        self.where = {int(c): torch.nonzero(labels == c).flatten() for c in labels.unique()}

    def __len__(self):
        return self.batches

    def __iter__(self):
        classes = list(self.where)
        for _ in range(self.batches):
            batch = []
            for j in torch.randperm(len(classes))[:self.p].tolist():
                pool = self.where[classes[j]]
                batch += pool[torch.randperm(len(pool))[:self.k]].tolist()
            yield batch


class Embedder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(BANDS, 64), nn.ELU(), nn.Linear(64, 64), nn.ELU(), nn.Linear(64, dim))

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


def distances(e):
    return (2 - 2 * e @ e.T).clamp(min=1e-8).sqrt()


def batch_all(e, y, margin=0.3):
    d, same = distances(e), y[:, None] == y[None, :]
    positive = same & ~torch.eye(len(y), dtype=torch.bool)
    gap = d.unsqueeze(2) - d.unsqueeze(1) + margin             # anchor, positive, negative
    valid = positive.unsqueeze(2) & ~same.unsqueeze(1)
    active = F.relu(gap)[valid]
    return active.sum() / (active > 0).sum().clamp(min=1), (active > 0).float().mean().item()


def batch_hard(e, y, margin=0.3):
    d, same = distances(e), y[:, None] == y[None, :]
    furthest = d.masked_fill(~same, -1.0).max(1).values
    nearest = d.masked_fill(same, 9.0).min(1).values
    loss = F.relu(furthest - nearest + margin)
    return loss.mean(), (loss > 0).float().mean().item()


@torch.no_grad()
def verify(model, data, gallery=3):
    """Rank-1 with three recordings of each speaker on file, and the area under the ROC of same/other."""
    model.eval()
    e = model(data.x).view(int(data.y.max()) + 1, -1, 16)
    model.train()
    centres = F.normalize(e[:, :gallery].mean(1), dim=1)
    queries = e[:, gallery:].reshape(-1, 16)
    truth = torch.arange(len(e)).repeat_interleave(e.shape[1] - gallery)
    score = queries @ centres.T
    same = F.one_hot(truth, len(e))
    return (score.argmax(1) == truth).float().mean().item(), roc_auc_score(same.flatten().numpy(), score.flatten().numpy())


train, unseen = Recordings(120, 12), Recordings(30, 10)
mean, std = train.x.mean(0), train.x.std(0)
train.x, unseen.x = (train.x - mean) / std, (unseen.x - mean) / std

loader = DataLoader(train, batch_sampler=PKSampler(train.y, p=12, k=4, batches=50))
model = Embedder()
print("before: rank-1 %.4f auc %.4f" % verify(model, unseen))
for phase, loss_fn, epochs, lr in (("all", batch_all, 7, 2e-3), ("hard", batch_hard, 7, 5e-4)):
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        total, share = 0.0, 0.0
        for x, y in loader:
            loss, active = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / len(loader)
            share += active / len(loader)
        rank1, auc = verify(model, unseen)
        print(f"{phase:4s} epoch {epoch} loss {total:.4f} active {share:.3f} | unseen voices: rank-1 {rank1:.4f} auc {auc:.4f}")

print("RESULT verification_auc", round(float(auc), 4))
