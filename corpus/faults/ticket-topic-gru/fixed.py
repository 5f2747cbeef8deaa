"""Sends incoming tickets to one of four teams by the words of the subject line."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

TEAMS = ["network", "billing", "accounts", "printers"]
COMMON_WORDS = 24
WORDS_PER_TEAM = 6
VOCAB = 1 + COMMON_WORDS + len(TEAMS) * WORDS_PER_TEAM
MAX_LEN = 44  # field width of the export


class TicketSet(Dataset):
    """Subject lines as word numbers, filled up with zeros to the width of the field."""

    def __init__(self, n, rng):
        self.rows, self.teams = [], []
        for _ in range(n):
            team = int(rng.integers(len(TEAMS)))
            length = int(rng.integers(5, 13))
            common = rng.integers(1, 1 + COMMON_WORDS, length)
            own = 1 + COMMON_WORDS + WORDS_PER_TEAM * team + rng.integers(0, WORDS_PER_TEAM, length)
            self.rows.append(np.where(rng.random(length) < 0.5, own, common))
            self.teams.append(team)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        words = self.rows[i]
        ids = torch.zeros(MAX_LEN, dtype=torch.long)
        ids[:len(words)] = torch.as_tensor(words)
        return ids, len(words), self.teams[i]


class SubjectEncoder(nn.Module):
    def __init__(self, vocab, embed=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab, embed, padding_idx=0)
        self.gru = nn.GRU(embed, hidden, batch_first=True)

    def forward(self, ids, lengths):
        states, _ = self.gru(self.embedding(ids))
        summary = states[torch.arange(len(ids)), lengths - 1]
        relative_length = lengths.float().unsqueeze(1) / MAX_LEN
        return torch.cat([summary, relative_length], dim=1)


class TicketRouter(nn.Module):
    def __init__(self, vocab, teams, hidden=32):
        super().__init__()
        self.encoder = SubjectEncoder(vocab, hidden=hidden)
        self.classifier = nn.Sequential(nn.Linear(hidden + 1, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, teams))

    def forward(self, ids, lengths):
        return self.classifier(self.encoder(ids, lengths))


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum, hits, seen = 0.0, 0, 0
    with torch.set_grad_enabled(training):
        for ids, lengths, teams in loader:
            scores = model(ids, lengths)
            loss = criterion(scores, teams)
            if training:
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
            loss_sum += loss.item() * len(teams)
            hits += (scores.argmax(1) == teams).sum().item()
            seen += len(teams)
    return loss_sum / seen, hits / seen


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_loader = DataLoader(TicketSet(2000, rng), batch_size=50, shuffle=True)
    test_loader = DataLoader(TicketSet(600, rng), batch_size=200)

    model = TicketRouter(VOCAB, len(TEAMS))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(1, 9):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        test_loss, test_acc = run_epoch(model, test_loader, criterion)
        print(f"epoch {epoch}: train {train_loss:.3f} / {train_acc:.3f}   test {test_loss:.3f} / {test_acc:.3f}")
    print(f"RESULT test_accuracy {test_acc:.4f}")


if __name__ == "__main__":
    main()
