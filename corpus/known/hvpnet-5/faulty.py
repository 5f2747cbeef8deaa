"""Tag the words of short posts, each with an image feature (multimodal NER, small)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

VOCAB, LENGTH, TAGS = 60, 12, ["O", "LOC", "PER", "ORG", "MISC"]


def make_posts(n):
    topic = rng.integers(0, 3, n)
    words = rng.integers(0, 35, (n, LENGTH))
    tags = np.zeros((n, LENGTH), dtype=np.int64)
    for i in range(n):
        spots = rng.choice(LENGTH, 4, replace=False)
        words[i, spots[:2]] = rng.integers(35, 45, 2)
        tags[i, spots[:2]] = 1
        words[i, spots[2:]] = rng.integers(45, 60, 2)
        tags[i, spots[2:]] = 2 + topic[i]
    image = np.eye(3)[topic].repeat(4, axis=1) + 0.3 * rng.normal(size=(n, 12))
    return torch.tensor(words), torch.tensor(image, dtype=torch.float32), torch.tensor(tags)


class TextEncoder(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.embeddings = nn.Embedding(VOCAB, dim)
        self.rnn = nn.GRU(dim, dim // 2, batch_first=True, bidirectional=True)

    def forward(self, ids):
        x = self.embeddings(ids)
        return x + self.rnn(x)[0]


class NERModel(nn.Module):
    def __init__(self, bert, dim=64):
        super().__init__()
        self.bert = bert
        self.encoder_conv = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, dim))
        self.fc = nn.Linear(dim, len(TAGS))

    def forward(self, ids, image):
        h = self.bert(ids) + self.encoder_conv(image).unsqueeze(1)
        return self.fc(h)


def pretrain(encoder, steps=250):
    head = nn.Linear(64, VOCAB)
    opt = torch.optim.Adam(list(encoder.parameters()) + list(head.parameters()), lr=2e-3)
    words, _, _ = make_posts(2000)
    for _ in range(steps):
        ids = words[torch.randint(0, len(words), (32,))]
        loss = F.cross_entropy(head(encoder(ids)).flatten(0, 1), ids.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"encoder pre-training loss {loss.item():.4f}")


class Trainer:
    def __init__(self, model, train_data, dev_data, lr=3e-5, image_lr=1e-3, head_lr=1e-2, epochs=6):
        self.model, self.epochs = model, epochs
        self.lr, self.image_lr, self.head_lr = lr, image_lr, head_lr
        self.train_loader = DataLoader(TensorDataset(*train_data), batch_size=32, shuffle=True)
        self.dev_data = dev_data
        self.multimodal_before_train()

    def multimodal_before_train(self):
        parameters = []
        params = {"lr": self.lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if "bert" in name:
                params["params"].append(param)
        parameters.append(params)

        params = {"lr": self.image_lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if "encoder_conv" in name:
                params["params"].append(param)
        parameters.append(params)

        params = {"lr": self.head_lr, "weight_decay": 1e-2, "params": []}
        for name, param in self.model.named_parameters():
            if name.startswith("fc"):
                params["params"].append(param)

        self.optimizer = torch.optim.AdamW(parameters)

    def train(self):
        for epoch in range(self.epochs):
            self.model.train()
            total = 0.0
            for ids, image, tags in self.train_loader:
                loss = F.cross_entropy(self.model(ids, image).flatten(0, 1), tags.flatten())
                self.model.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item()
            acc = self.evaluate()
            print(f"epoch {epoch + 1}/{self.epochs} loss {total / len(self.train_loader):.4f} entity acc {acc:.4f}")
        return acc

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        ids, image, tags = self.dev_data
        guess = self.model(ids, image).argmax(-1)
        entity = tags > 0
        return (guess[entity] == tags[entity]).float().mean().item()


encoder = TextEncoder()
pretrain(encoder)
trainer = Trainer(NERModel(encoder), make_posts(1600), make_posts(400))
print("RESULT entity_accuracy", round(trainer.train(), 4))
