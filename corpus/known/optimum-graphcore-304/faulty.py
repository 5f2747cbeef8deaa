import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

VOCAB, DIM, LENGTH = 600, 12, 12


class SerializedEmbedding(nn.Module):
    """Embedding table cut into parts that are looked up one after another."""

    def __init__(self, embedding, serialization_factor):
        super().__init__()
        self.size = embedding.num_embeddings // serialization_factor
        self.split_embeddings = nn.ModuleList(
            nn.Embedding.from_pretrained(part.clone(), freeze=False)
            for part in embedding.weight.detach().split(self.size)
        )

    def deserialize(self):
        """Put the parts back together as one nn.Embedding."""
        return nn.Embedding.from_pretrained(torch.vstack([l.weight for l in self.split_embeddings]), padding_idx=0)

    def forward(self, ids):
        out = 0
        for i, part in enumerate(self.split_embeddings):
            local = ids - i * self.size
            inside = (local >= 0) & (local < self.size)
            out = out + part(local.clamp(0, self.size - 1)) * inside.unsqueeze(-1)
        return out


class PipelinedClassifier(nn.Module):
    def __init__(self, num_labels):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCAB, DIM, padding_idx=0)
        self.pooler = nn.Linear(DIM, DIM)
        self.classifier = nn.Linear(DIM, num_labels)

    def parallelize(self, factor=4):
        self.word_embeddings = SerializedEmbedding(self.word_embeddings, factor)
        return self

    def deparallelize(self):
        self.word_embeddings = self.word_embeddings.deserialize()
        return self

    def forward(self, ids):
        x = self.word_embeddings(ids).mean(1)
        return self.classifier(torch.tanh(self.pooler(x)))


def texts(n):
    """Every word has a topic and a polarity; texts carry a label for each."""
    gen = torch.Generator().manual_seed(21)
    topic_of = torch.randint(4, (VOCAB,), generator=gen)
    polarity = torch.randn(VOCAB, generator=gen)
    topic = torch.randint(4, (n,))
    ids = torch.randint(1, VOCAB, (n, 3 * LENGTH))
    fits = (topic_of[ids] == topic[:, None]).float() * 3 + torch.rand(n, 3 * LENGTH)
    ids = ids.gather(1, fits.argsort(1, descending=True)[:, :LENGTH])
    sentiment = (polarity[ids].sum(1) > 0).long()
    return ids, topic, sentiment


def train(model, ids, labels, epochs, lr, tag):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(ids)).split(64):
            loss = F.cross_entropy(model(ids[idx]), labels[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"{tag} epoch {epoch + 1} loss {total / len(ids):.4f}")


def accuracy(model, ids, labels):
    model.eval()
    with torch.no_grad():
        return (model(ids).argmax(1) == labels).float().mean().item()


pre_ids, pre_topic, _ = texts(3000)
ft_ids, _, ft_sentiment = texts(6000)
test_ids, _, test_sentiment = texts(1000)

model = PipelinedClassifier(num_labels=4).parallelize()
train(model, pre_ids, pre_topic, epochs=3, lr=5e-3, tag="pretrain")

model.deparallelize()
model.classifier = nn.Linear(DIM, 2)
train(model, ft_ids, ft_sentiment, epochs=12, lr=5e-3, tag="finetune")
print(f"RESULT test_accuracy {accuracy(model, test_ids, test_sentiment):.4f}")
