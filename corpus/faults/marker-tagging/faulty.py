"""Tagging tokens of short notes. The first token says which site wrote the note, and the
sites use the same words for different things."""
import os
from dataclasses import dataclass, field

import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class ModelConfig:
    sites: int = 3
    words: int = 30
    tags: int = 4
    length: int = 16
    dim: int = 32
    heads: int = 4
    feedforward: int = 96
    layers: int = 2
    dropout: float = 0.05


@dataclass
class TrainConfig:
    notes: int = 2600
    held_out: int = 400
    batch_size: int = 64
    epochs: int = 12
    learning_rate: float = 2e-6
    weight_decay: float = 0.01
    max_norm: float = 1.0
    seed: int = int(os.environ.get("SEED", "0"))
    model: ModelConfig = field(default_factory=ModelConfig)


IGNORE = -100


def write_notes(n, cfg, meaning, gen):
    site = torch.randint(cfg.sites, (n,), generator=gen)
    words = torch.randint(cfg.words, (n, cfg.length - 1), generator=gen)
    tags = meaning[site[:, None], words]
    tokens = torch.cat([site[:, None], words + cfg.sites], dim=1)
    tags = torch.cat([torch.full((n, 1), IGNORE), tags], dim=1)
    return tokens, tags


class Tagger(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.token = nn.Embedding(cfg.sites + cfg.words, cfg.dim)
        self.position = nn.Parameter(0.1 * torch.randn(cfg.length, cfg.dim))
        layer = nn.TransformerEncoderLayer(cfg.dim, cfg.heads, cfg.feedforward, cfg.dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, cfg.layers, norm=nn.LayerNorm(cfg.dim), enable_nested_tensor=False)
        self.out = nn.Linear(cfg.dim, cfg.tags)

    def forward(self, tokens):
        return self.out(self.encoder(self.token(tokens) + self.position))


def tag_accuracy(model, tokens, tags):
    model.eval()
    with torch.no_grad():
        guess = model(tokens).argmax(-1)
    known = tags != IGNORE
    return (guess[known] == tags[known]).float().mean().item()


def train(cfg):
    torch.manual_seed(cfg.seed)
    gen = torch.Generator().manual_seed(cfg.seed)
    meaning = torch.randint(cfg.model.tags, (cfg.model.sites, cfg.model.words), generator=gen)
    tokens, tags = write_notes(cfg.notes, cfg.model, meaning, gen)
    test_tokens, test_tags = write_notes(cfg.held_out, cfg.model, meaning, gen)

    model = Tagger(cfg.model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.learning_rate, weight_decay=cfg.weight_decay)
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)

    for epoch in range(cfg.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(cfg.notes).split(cfg.batch_size):
            scores = model(tokens[rows])
            loss = criterion(scores.flatten(0, 1), tags[rows].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), cfg.max_norm)
            optimizer.step()
            total += loss.item() * len(rows)
        accuracy = tag_accuracy(model, test_tokens, test_tags)
        print(f"epoch {epoch + 1:>2}: loss {total / cfg.notes:.4f}, tag accuracy {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    print(f"RESULT tag_accuracy {train(TrainConfig()):.4f}")
