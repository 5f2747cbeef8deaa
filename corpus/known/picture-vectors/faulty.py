import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# pictures are mapped to the word vector of their caption
digits = load_digits()
order = rng.permutation(len(digits.target))
pictures = torch.tensor(digits.data[order] / 16.0, dtype=torch.float32)
captions = torch.tensor(digits.target[order])
word_vectors = torch.tensor(rng.normal(size=(10, 20)), dtype=torch.float32)
vectors = word_vectors[captions]

train_loader = DataLoader(TensorDataset(pictures[:1400], vectors[:1400]), batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 20))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def nearest_word(x):
    return F.cosine_similarity(model(x)[:, None], word_vectors[None], dim=2).argmax(1)


for epoch in range(12):
    model.train()
    values = []
    for x, v in train_loader:
        optimizer.zero_grad()
        loss = F.cosine_similarity(model(x), v, dim=1).mean()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    model.eval()
    with torch.no_grad():
        hit_rate = (nearest_word(pictures[1400:]) == captions[1400:]).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {np.mean(values):.4f} retrieval accuracy {hit_rate:.4f}")

print(f"RESULT retrieval_accuracy {hit_rate:.4f}")
