import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

TOPICS, WORDS_PER_TOPIC, COMMON_WORDS, DOC_LENGTH = 60, 6, 60, 20
VOCAB = TOPICS * WORDS_PER_TOPIC + COMMON_WORDS


def make_documents(n):
    """Each article has two of the sixty topics; a few of its words give them away."""
    docs = rng.integers(0, VOCAB, size=(n, DOC_LENGTH))
    tags = np.zeros((n, TOPICS), dtype=np.float32)
    for i in range(n):
        topics = rng.choice(TOPICS, size=2, replace=False)
        tags[i, topics] = 1
        for topic in topics:
            k = rng.poisson(1.4)
            where = rng.choice(DOC_LENGTH, size=min(k, 6), replace=False)
            docs[i, where] = topic * WORDS_PER_TOPIC + rng.integers(0, WORDS_PER_TOPIC, size=len(where))
    return torch.tensor(docs), torch.tensor(tags)


class TopicModel(nn.Module):
    def __init__(self, vocab=VOCAB, embedding_dim=48, hidden=64, topics=TOPICS, dropout=0.2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, embedding_dim)
        self.dense = nn.Linear(embedding_dim, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, topics)

    def forward(self, docs):
        x = self.embedding(docs).sum(dim=1) / DOC_LENGTH ** 0.5
        x = self.dropout(torch.relu(self.dense(x)))
        return self.out(x)


class History:
    def __init__(self):
        self.rows = []

    def add(self, **figures):
        self.rows.append(figures)
        if len(self.rows) % 3 == 0:
            print(f"epoch {len(self.rows):2d}", " ".join(f"{k} {v:.4f}" for k, v in figures.items()))


def predict(model, docs):
    model.eval()
    with torch.no_grad():
        return (torch.sigmoid(model(docs)) > 0.5).float()


def figures(predicted, tags):
    accuracy = (predicted == tags).float().mean().item()
    present = (predicted[tags == 1] == 1).float().mean().item()
    absent = (predicted[tags == 0] == 0).float().mean().item()
    return {"accuracy": accuracy, "tags_per_article": predicted.sum(1).mean().item(), "balanced": (present + absent) / 2}


def fit(model, docs, tags, validation, epochs=12, batch_size=64, lr=2e-3):
    criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - tags).sum(0) / tags.sum(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    history = History()
    for _ in range(epochs):
        model.train()
        losses = []
        for rows in torch.randperm(len(docs)).split(batch_size):
            optimizer.zero_grad()
            loss = criterion(model(docs[rows]), tags[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.add(loss=float(np.mean(losses)), **figures(predict(model, validation[0]), validation[1]))
    return history


docs, tags = make_documents(5000)
test_docs, test_tags = make_documents(1000)
print(f"{len(docs)} articles, {tags.sum(1).mean():.1f} of {TOPICS} tags each")
model = TopicModel()
fit(model, docs, tags, (test_docs, test_tags))
scores = figures(predict(model, test_docs), test_tags)
print("RESULT balanced_accuracy", round(scores["balanced"], 4))
