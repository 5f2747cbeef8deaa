import io
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

VOCAB, LENGTH, INTENTS = 300, 12, 6


def make_keywords():
    return rng.permutation(VOCAB)[: INTENTS * 10].reshape(INTENTS, 10)


def make_messages(n, keywords):
    labels = rng.integers(0, INTENTS, n)
    tokens = rng.integers(0, VOCAB, (n, LENGTH))
    for row, label in enumerate(labels):
        spots = rng.choice(LENGTH, 4, replace=False)
        tokens[row, spots] = rng.choice(keywords[label], 4)
    return TensorDataset(torch.tensor(tokens), torch.tensor(labels))


class IntentAgent:
    def __init__(self, opt, init_model=None):
        self.opt = opt
        self.model = nn.Sequential(
            nn.EmbeddingBag(VOCAB, 32, mode="mean"),
            nn.Linear(32, 64), nn.ReLU(),
            nn.Linear(64, INTENTS),
        )
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=opt["learningrate"])
        if init_model is not None:
            self.load(init_model)

    def state_dict(self):
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load(self, file):
        file.seek(0)
        states = torch.load(file)
        self.model.load_state_dict(states["model"])
        if "optimizer" in states:
            self.optimizer.load_state_dict(states["optimizer"])

    def fit(self, name, train_set, valid_set):
        loader = DataLoader(train_set, batch_size=32, shuffle=True)
        decay = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, self.opt["decay"]) if "decay" in self.opt else None
        for epoch in range(self.opt["num_epochs"]):
            self.model.train()
            total = 0.0
            for x, y in loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(y)
            if decay is not None:
                decay.step()
            print(f"[{name}] epoch {epoch + 1}: loss {total / len(train_set):.4f} "
                  f"valid acc {self.evaluate(valid_set):.4f}")

    @torch.no_grad()
    def evaluate(self, dataset):
        self.model.eval()
        x, y = dataset.tensors
        return (self.model(x).argmax(1) == y).float().mean().item()


base_words = make_keywords()
base = IntentAgent({"learningrate": 5e-3, "decay": 0.6, "num_epochs": 16})
base.fit("base", make_messages(1500, base_words), make_messages(400, base_words))
checkpoint = io.BytesIO()
torch.save(base.state_dict(), checkpoint)

shop_words = make_keywords()
shop_valid = make_messages(600, shop_words)
agent = IntentAgent({"learningrate": 5e-3, "num_epochs": 15}, init_model=checkpoint)
agent.fit("shop", make_messages(1500, shop_words), shop_valid)

print("RESULT shop_accuracy", round(agent.evaluate(shop_valid), 4))
