"""Marks parts, faults and actions in the free text of maintenance work orders."""
import os
import random
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

PARTS = "pump seal valve belt motor filter bearing hose sensor gasket coupling fan".split()
FAULTS = "leaks squeaks stuck cracked worn overheats drips vibrates slips broken".split()
ACTIONS = "replace tighten clean inspect lubricate seal filter align".split()
FILLERS = "at line in hall since monday again and unit near shift was operator says night two three during".split()

PAD = 0
TAGS = ["OTHER", "PART", "FAULT", "ACTION"]
TAG_ID = {tag: i for i, tag in enumerate(TAGS, start=PAD + 1)}
VOCAB = {word: i + 1 for i, word in enumerate(sorted({*PARTS, *FAULTS, *ACTIONS, *FILLERS, "the", "please", "then"}))}


@dataclass
class Settings:
    seed: int = field(default_factory=lambda: int(os.environ.get("SEED", "0")))
    n_train: int = 900
    n_test: int = 300
    emb: int = 24
    hidden: int = 32
    lr: float = 4e-3
    batch_size: int = 32
    epochs: int = 6


class WorkOrders(Dataset):
    """Texts of two to four clauses with one tag per word."""

    def __init__(self, n, rng):
        self.items = [self.write(rng) for _ in range(n)]

    @staticmethod
    def write(rng):
        pairs = []
        for _ in range(rng.randint(2, 4)):
            kind = rng.random()
            if kind < 0.4:
                pairs += [(rng.choice(FILLERS), "OTHER") for _ in range(rng.randint(0, 2))]
                pairs += [("the", "OTHER"), (rng.choice(PARTS), "PART"), (rng.choice(FAULTS), "FAULT")]
            elif kind < 0.7:
                pairs += [(rng.choice(["please", "then"]), "OTHER"), (rng.choice(ACTIONS), "ACTION")]
                pairs += [("the", "OTHER"), (rng.choice(PARTS), "PART")]
            else:
                pairs += [(rng.choice(FILLERS), "OTHER") for _ in range(rng.randint(2, 4))]
        return pairs

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        words = torch.tensor([VOCAB[w] for w, _ in self.items[i]])
        tags = torch.tensor([TAG_ID[t] for _, t in self.items[i]])
        return words, tags


def collate(batch):
    words = pad_sequence([w for w, _ in batch], batch_first=True, padding_value=PAD)
    tags = pad_sequence([t for _, t in batch], batch_first=True, padding_value=PAD)
    lengths = torch.tensor([len(w) for w, _ in batch])
    return words, tags, lengths


class Tagger(nn.Module):
    def __init__(self, cfg, n_tags):
        super().__init__()
        self.emb = nn.Embedding(len(VOCAB) + 1, cfg.emb, padding_idx=PAD)
        self.rnn = nn.GRU(cfg.emb, cfg.hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * cfg.hidden, n_tags)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.emb(words), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.out(states)


class TaggerTrainer:
    def __init__(self, cfg, model):
        self.cfg, self.model = cfg, model
        self.criterion = nn.CrossEntropyLoss(ignore_index=PAD)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)

    def run_epoch(self, loader):
        self.model.train()
        losses = []
        for words, tags, lengths in loader:
            logits = self.model(words, lengths)
            loss = self.criterion(logits.flatten(0, 1), tags.flatten())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def word_accuracy(self, loader):
        self.model.eval()
        right = count = 0
        for words, tags, lengths in loader:
            guess = self.model(words, lengths).argmax(dim=-1)
            real = words != PAD
            right += (guess == tags)[real].sum().item()
            count += real.sum().item()
        return right / count


def main(cfg):
    torch.manual_seed(cfg.seed)
    rng = random.Random(cfg.seed)
    train = DataLoader(WorkOrders(cfg.n_train, rng), cfg.batch_size, shuffle=True, collate_fn=collate)
    test = DataLoader(WorkOrders(cfg.n_test, rng), 100, collate_fn=collate)
    trainer = TaggerTrainer(cfg, Tagger(cfg, n_tags=max(TAG_ID.values()) + 1))
    for epoch in range(cfg.epochs):
        loss = trainer.run_epoch(train)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, words tagged correctly {trainer.word_accuracy(test):.4f}")
    print("RESULT word_accuracy", round(trainer.word_accuracy(test), 4))


if __name__ == "__main__":
    main(Settings())
