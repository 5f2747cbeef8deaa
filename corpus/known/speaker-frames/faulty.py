import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

NUM_SPEAKERS, UTTERANCES, NUM_FRAMES, NUM_FBANKS = 8, 50, 40, 24


def smooth(a):
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    return np.stack([np.convolve(row, kernel, mode="same") for row in a])


def record(envelope, phones):
    """Filter bank energies of one utterance; some recordings start before the speaker does."""
    spoken = phones[np.random.randint(0, len(phones), NUM_FRAMES)]
    energy = np.exp(7 + envelope + spoken + 0.4 * np.random.randn(NUM_FRAMES, NUM_FBANKS))
    if np.random.rand() < 0.3:
        energy[:np.random.randint(2, 12)] = 0.0
    return energy


def normalize_frames(m):
    return [(v - np.mean(v)) / np.std(v) for v in m]


def features(energy):
    return np.array(normalize_frames(np.log1p(energy)), dtype=np.float32)


envelopes = smooth(1.5 * np.random.randn(NUM_SPEAKERS, NUM_FBANKS))
phones = smooth(1.5 * np.random.randn(10, NUM_FBANKS))
X = np.stack([features(record(envelopes[s], phones)) for s in range(NUM_SPEAKERS) for _ in range(UTTERANCES)])
y = np.repeat(np.arange(NUM_SPEAKERS), UTTERANCES)
x_tr, x_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
loader = DataLoader(TensorDataset(torch.from_numpy(x_tr), torch.from_numpy(y_tr)), batch_size=32, shuffle=True)
x_te, y_te = torch.from_numpy(x_te), torch.from_numpy(y_te)


class SpeakerNet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.conv1 = nn.Conv1d(NUM_FBANKS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.embedding = nn.Linear(width, 32)
        self.softmax_layer = nn.Linear(32, NUM_SPEAKERS)

    def forward(self, x):
        h = torch.relu(self.conv1(x.transpose(1, 2)))
        h = torch.relu(self.conv2(h)).mean(2)
        return self.softmax_layer(torch.relu(self.embedding(h)))


model = SpeakerNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(20):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    model.eval()
    with torch.no_grad():
        acc = (model(x_te).argmax(1) == y_te).float().mean().item()
    print(f"Epoch {epoch + 1}/20 - loss: {total / len(x_tr):.4f} - test accuracy: {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
