"""Retention time of peptides in the column from their sequence."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

ALPHABET = "ACDEFGHIKLMNPQRSTVWY"
CODE = {letter: k + 1 for k, letter in enumerate(ALPHABET)}
LONGEST = 20


def measure(n, rng, affinity):
    """Random peptides and their retention in minutes: residues, the first three count more, greasy neighbours too."""
    peptides, minutes = [], []
    for _ in range(n):
        residues = rng.integers(0, len(ALPHABET), rng.integers(8, LONGEST + 1))
        a = affinity[residues]
        value = a.sum() + 0.6 * a[:3].sum() + 0.8 * (np.maximum(a[:-1], 0) * np.maximum(a[1:], 0)).sum()
        peptides.append("".join(ALPHABET[k] for k in residues))
        minutes.append(30 + 2.5 * value + 0.8 * rng.standard_normal())
    return peptides, np.array(minutes)


class PeptideSet(Dataset):
    def __init__(self, peptides, minutes, mean, std):
        self.codes = torch.zeros(len(peptides), LONGEST, dtype=torch.long)
        for i, peptide in enumerate(peptides):
            self.codes[i, :len(peptide)] = torch.tensor([CODE[letter] for letter in peptide])
        self.targets = torch.tensor((minutes - mean) / std, dtype=torch.float32)

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, i):
        return self.codes[i], self.targets[i]


class RetentionNet(nn.Module):
    def __init__(self, dim=24, width=48):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET) + 1, dim, padding_idx=0)
        self.conv1 = nn.Conv1d(dim, width, 5, padding=2)
        self.conv2 = nn.Conv1d(width, width, 5, padding=2)
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, codes):
        present = (codes > 0).float().unsqueeze(1)
        h = torch.relu(self.conv1(self.embed(codes).transpose(1, 2))) * present
        h = torch.relu(self.conv2(h)) * present
        return self.head(h.sum(dim=2) / 10).squeeze(1)


def linear_warmup_decay(optimizer, total_steps, warmup_share=0.1):
    """Up to the full rate during the warm-up, then straight down to zero at the last step."""
    warmup = max(1, int(warmup_share * total_steps))

    def factor(step):
        if step < warmup:
            return (step + 1) / warmup
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def evaluate(model, loader):
    model.eval()
    predicted, measured = [], []
    with torch.no_grad():
        for codes, targets in loader:
            predicted.append(model(codes))
            measured.append(targets)
    predicted, measured = torch.cat(predicted), torch.cat(measured)
    return (1 - ((predicted - measured) ** 2).sum() / ((measured - measured.mean()) ** 2).sum()).item()


def main(epochs=36, batch_size=100, lr=3e-3):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    affinity = rng.standard_normal(len(ALPHABET))
    train_peptides, train_minutes = measure(1500, rng, affinity)
    test_peptides, test_minutes = measure(400, rng, affinity)
    mean, std = train_minutes.mean(), train_minutes.std()
    train_loader = DataLoader(PeptideSet(train_peptides, train_minutes, mean, std), batch_size=batch_size, shuffle=True)
    test_loader = DataLoader(PeptideSet(test_peptides, test_minutes, mean, std), batch_size=200)

    model = RetentionNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    scheduler = linear_warmup_decay(optimizer, total_steps=len(train_loader))
    criterion = nn.SmoothL1Loss()

    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for codes, targets in train_loader:
            loss = criterion(model(codes), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        if epoch % 6 == 0:
            print(f"epoch {epoch:2d}  train {np.mean(losses):.4f}  test R2 {evaluate(model, test_loader):.4f}")

    print(f"RESULT test_r2 {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
