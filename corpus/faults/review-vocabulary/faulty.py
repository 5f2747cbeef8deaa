import os
import random
from collections import Counter

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = random.Random(SEED)

GOOD = "great superb lovely moving funny clever brilliant warm charming fresh tight gripping".split()
BAD = "dull awful boring clumsy flat stale tedious weak bland messy shallow noisy".split()
COMMON = [a + b for a in "film plot actor scene music story camera".split() for b in ["", "s", "ish", "like"]]


def write_review(label):
    words = rng.choices(COMMON, k=rng.randint(8, 16))
    words += rng.choices(GOOD if label else BAD, k=rng.randint(3, 5))
    words += rng.choices(BAD if label else GOOD, k=rng.randint(0, 2))
    rng.shuffle(words)
    return " ".join(words), label


class ReviewDataset(Dataset):
    def __init__(self, rows, vocab=None, max_len=24):
        counts = Counter(w for text, _ in rows for w in text.split())
        if vocab is None:
            vocab = {"<pad>": 0, "<unk>": 1}
            for word, _ in counts.most_common():
                vocab[word] = len(vocab)
        self.vocab = vocab
        self.rows = rows
        self.max_len = max_len

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        text, label = self.rows[i]
        ids = [self.vocab.get(w, 1) for w in text.split()][: self.max_len]
        ids += [0] * (self.max_len - len(ids))
        return torch.tensor(ids), torch.tensor(float(label))


class SentimentNet(nn.Module):
    def __init__(self, vocab_size, dim=32):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, dim, padding_idx=0)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, ids):
        mask = (ids != 0).float().unsqueeze(-1)
        pooled = (self.emb(ids) * mask).sum(1) / mask.sum(1)
        return self.out(self.drop(pooled)).squeeze(-1)


train_rows = [write_review(rng.randint(0, 1)) for _ in range(1200)]
test_rows = [write_review(rng.randint(0, 1)) for _ in range(400)]
train_set = ReviewDataset(train_rows)
test_set = ReviewDataset(test_rows)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=128)

model = SentimentNet(len(train_set.vocab))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.BCEWithLogitsLoss()


def run(loader, train):
    model.train(train)
    total, hits, n = 0.0, 0, 0
    with torch.set_grad_enabled(train):
        for ids, y in loader:
            logits = model(ids)
            loss = loss_fn(logits, y)
            if train:
                opt.zero_grad()
                loss.backward()
                opt.step()
            total += loss.item() * len(y)
            hits += ((logits > 0).float() == y).sum().item()
            n += len(y)
    return total / n, hits / n


for epoch in range(8):
    tr_loss, tr_acc = run(train_loader, True)
    te_loss, te_acc = run(test_loader, False)
    print(f"epoch {epoch}: train {tr_loss:.3f}/{tr_acc:.3f}  test {te_loss:.3f}/{te_acc:.3f}")
print(f"RESULT test_accuracy {te_acc:.4f}")
