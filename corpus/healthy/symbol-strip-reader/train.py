import os

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

SYMBOLS, CHANNELS, BLANK = 6, 8, 0
PATTERN = 1.5 * rng.standard_normal((SYMBOLS + 1, CHANNELS))


class Strips(Dataset):
    """Strips of 3 to 6 symbols that last 3 to 5 frames each, with gaps. Where a symbol lies is not labelled."""

    def __init__(self, n):
        self.items = [self.draw() for _ in range(n)]

    @staticmethod
    def draw():
        word = rng.integers(1, SYMBOLS + 1, rng.integers(3, 7))
        parts = [np.zeros((rng.integers(1, 4), CHANNELS))]
        for s in word:
            shape = np.sin(np.linspace(0.5, np.pi - 0.5, rng.integers(3, 6)))[:, None]
            parts += [shape * PATTERN[s], np.zeros((rng.integers(1, 4), CHANNELS))]
        frames = np.concatenate(parts)
        frames = frames + 0.25 * rng.standard_normal(frames.shape)
        return torch.tensor(frames, dtype=torch.float32), torch.tensor(word, dtype=torch.long)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    frames, words = zip(*batch)
    return (pad_sequence(frames, batch_first=True), torch.tensor([len(f) for f in frames]),
            torch.cat(words), torch.tensor([len(w) for w in words]))


class Reader(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(CHANNELS, width, 5, padding=2), nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2), nn.ReLU(),
            nn.Conv1d(width, SYMBOLS + 1, 1))

    def forward(self, frames):
        out = self.net(frames.transpose(1, 2))                 # (B, symbols, T)
        return out.permute(2, 0, 1).log_softmax(dim=2)         # (T, B, symbols)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def read(log_probs, lengths):
    best = log_probs.argmax(2).t()
    for line, n in zip(best.tolist(), lengths.tolist()):
        line = line[:n]
        yield [s for k, s in enumerate(line) if s != BLANK and (k == 0 or s != line[k - 1])]


@torch.no_grad()
def error_rate(model, loader):
    model.eval()
    wrong = total = 0
    for frames, n_frames, words, n_words in loader:
        truth = [w.tolist() for w in words.split(n_words.tolist())]
        for guess, t in zip(read(model(frames), n_frames), truth):
            wrong += distance(guess, t)
            total += len(t)
    return wrong / total


train = DataLoader(Strips(800), batch_size=32, shuffle=True, collate_fn=collate)
test = DataLoader(Strips(200), batch_size=100, collate_fn=collate)
model = Reader()
ctc = nn.CTCLoss(blank=BLANK)
opt = torch.optim.Adam(model.parameters(), lr=4e-3)

for epoch in range(16):
    model.train()
    losses = []
    for frames, n_frames, words, n_words in train:
        loss = ctc(model(frames), words, n_frames, n_words)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        losses.append(loss.item())
    if epoch % 3 == 0 or epoch == 15:
        print(f"epoch {epoch + 1}: ctc {np.mean(losses):.4f}  label error rate {error_rate(model, test):.4f}")

print("RESULT label_error_rate", round(error_rate(model, test), 4))
