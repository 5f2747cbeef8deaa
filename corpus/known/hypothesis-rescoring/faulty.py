import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

WORDS, WORD_LENGTH, FEATURES, NUM_HYPOTHESES = 14, 3, 16, 4
_acoustic = torch.randn(WORDS, FEATURES)


class SpokenCommands(Dataset):
    """Sound features of three words, and four transcripts of which one is right."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.items = []
        for _ in range(n):
            spoken = rng.integers(WORDS, size=WORD_LENGTH)
            sound = _acoustic[torch.tensor(spoken)] + 0.6 * torch.tensor(rng.standard_normal((WORD_LENGTH, FEATURES)), dtype=torch.float32)
            hypotheses = np.stack([spoken.copy() for _ in range(NUM_HYPOTHESES)])
            right = rng.integers(NUM_HYPOTHESES)
            for k in range(NUM_HYPOTHESES):
                if k != right:
                    for place in rng.choice(WORD_LENGTH, size=rng.integers(1, 3), replace=False):
                        hypotheses[k, place] = (spoken[place] + rng.integers(1, WORDS)) % WORDS
            self.items.append((sound, torch.tensor(hypotheses), int(right)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Rescorer(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.sound = nn.Sequential(nn.Linear(FEATURES, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.word = nn.Embedding(WORDS, dim)
        self.score = nn.Sequential(nn.Linear(3 * dim, dim), nn.ReLU(), nn.Linear(dim, 1))

    def forward(self, sound, hypotheses):
        """sound (rows, length, features), hypotheses (rows, length) -> one score a row"""
        s, w = self.sound(sound), self.word(hypotheses)
        return self.score(torch.cat([s, w, s * w], dim=-1)).squeeze(-1).sum(dim=1)


class Trainer:
    def __init__(self, model, lr=3e-3):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)

    def prepare_inputs(self, batch):
        sound, hypotheses, right = batch
        count = hypotheses.size(1)
        return {
            "sound": sound.repeat(count, 1, 1),
            "hypotheses": hypotheses.flatten(0, 1),
            "right": right,
            "count": count,
        }

    def scores(self, inputs):
        return self.model(inputs["sound"], inputs["hypotheses"]).view(-1, inputs["count"])

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for batch in loader:
            inputs = self.prepare_inputs(batch)
            loss = F.cross_entropy(self.scores(inputs), inputs["right"])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        hits = seen = 0
        for batch in loader:
            inputs = self.prepare_inputs(batch)
            hits += (self.scores(inputs).argmax(dim=1) == inputs["right"]).sum().item()
            seen += len(inputs["right"])
        return hits / seen


train_loader = DataLoader(SpokenCommands(1500, SEED), batch_size=32, shuffle=True)
dev_loader = DataLoader(SpokenCommands(400, SEED + 1000), batch_size=32)
trainer = Trainer(Rescorer())
for epoch in range(1, 13):
    loss = trainer.train_epoch(train_loader)
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d} loss {loss:.4f} right transcript first {trainer.evaluate(dev_loader):.4f}")
print("RESULT dev_accuracy", round(trainer.evaluate(dev_loader), 4))
