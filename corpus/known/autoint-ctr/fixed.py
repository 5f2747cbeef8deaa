import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FIELDS = {"segment": 12, "gender": 3, "city": 8, "device": 4, "category": 12, "brand": 10, "price": 6, "hour": 6}


def click_log(n):
    names = list(FIELDS)
    X = np.stack([rng.integers(0, FIELDS[f], n) for f in names], axis=1)
    col = {f: X[:, i] for i, f in enumerate(names)}
    taste = TASTE[col["segment"]] == THEME[col["category"]]
    region = REGION[col["city"]] == ORIGIN[col["brand"]]
    logit = -1.0 + 3.0 * taste + 1.5 * (2.0 * region - 1.0) + 0.4 * (col["hour"] > 3) - 0.3 * (col["price"] == 5)
    y = rng.random(n) < 1.0 / (1.0 + np.exp(-logit))
    return X.astype(np.int64), y.astype(np.float32)


TASTE, THEME = rng.permutation(12) % 3, rng.permutation(12) % 3
REGION, ORIGIN = rng.permutation(8) % 2, rng.permutation(10) % 2


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, scale):
        scores = torch.matmul(Q, K.transpose(-2, -1)) / scale
        return torch.matmul(scores.softmax(dim=-1), V)


class MultiHeadSelfAttention(nn.Module):
    def __init__(self, input_dim, attention_dim=16, num_heads=2):
        super().__init__()
        self.attention_dim = attention_dim
        self.num_heads = num_heads
        self.output_dim = attention_dim * num_heads
        self.scale = attention_dim ** 0.5
        self.W_q = nn.Linear(input_dim, self.output_dim, bias=False)
        self.W_k = nn.Linear(input_dim, self.output_dim, bias=False)
        self.W_v = nn.Linear(input_dim, self.output_dim, bias=False)
        self.W_res = nn.Linear(input_dim, self.output_dim, bias=False)
        self.dot_attention = ScaledDotProductAttention()

    def forward(self, X):
        batch_size = X.size(0)
        query, key, value = self.W_q(X), self.W_k(X), self.W_v(X)
        # split by heads
        query = query.view(batch_size, -1, self.num_heads, self.attention_dim).transpose(1, 2)
        key = key.view(batch_size, -1, self.num_heads, self.attention_dim).transpose(1, 2)
        value = value.view(batch_size, -1, self.num_heads, self.attention_dim).transpose(1, 2)
        output = self.dot_attention(query, key, value, self.scale)
        # concat heads
        output = output.transpose(1, 2).reshape(batch_size, -1, self.output_dim)
        return torch.relu(output + self.W_res(X))


class AutoInt(nn.Module):
    def __init__(self, vocab_sizes, embedding_dim=16, attention_dim=16, num_heads=2, attention_layers=2):
        super().__init__()
        self.embedding = nn.ModuleList([nn.Embedding(v, embedding_dim) for v in vocab_sizes])
        out = attention_dim * num_heads
        self.self_attention = nn.Sequential(*[
            MultiHeadSelfAttention(embedding_dim if i == 0 else out, attention_dim, num_heads)
            for i in range(attention_layers)])
        self.fc = nn.Linear(len(vocab_sizes) * out, 1)

    def forward(self, X):
        feature_emb = torch.stack([emb(X[:, i]) for i, emb in enumerate(self.embedding)], dim=1)
        attention_out = self.self_attention(feature_emb)
        return self.fc(attention_out.flatten(start_dim=1)).squeeze(-1)


X, y = click_log(14000)
X, y = torch.from_numpy(X), torch.from_numpy(y)
train_gen = DataLoader(TensorDataset(X[:10000], y[:10000]), batch_size=128, shuffle=True)
X_test, y_test = X[10000:], y[10000:]

model = AutoInt(list(FIELDS.values()))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.BCEWithLogitsLoss()

for epoch in range(8):
    model.train()
    total = 0.0
    for xb, yb in train_gen:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        prob = torch.sigmoid(model(X_test))
    auc = roc_auc_score(y_test.numpy(), prob.numpy())
    print(f"Epoch {epoch + 1}: train loss {total / len(train_gen):.4f} - test AUC {auc:.4f}")

print(f"RESULT test_auc {auc:.4f}")
