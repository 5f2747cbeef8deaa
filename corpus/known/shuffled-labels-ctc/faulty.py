import os
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

labels = "RTA_NOSEIL"
labels_map = {c: i for i, c in enumerate(labels)}
LETTERS = labels.replace("_", "")
BINS = 10
sound = {c: torch.randn(BINS) for c in LETTERS}


def recording():
    """A spelled word: every letter sounds for two or three frames, with a short pause between."""
    transcript = "".join(random.choice(LETTERS) for _ in range(random.randint(3, 4)))
    frames = [torch.zeros(BINS)]
    for c in transcript:
        frames += [sound[c]] * random.randint(2, 3) + [torch.zeros(BINS)]
    spect = torch.stack(frames)
    return spect + 0.3 * torch.randn_like(spect), transcript


def collate(batch):
    inputs = pad_sequence([spect for spect, _ in batch], batch_first=True)
    input_sizes = torch.tensor([len(spect) for spect, _ in batch])
    targets = torch.tensor([labels_map[c] for _, transcript in batch for c in transcript])
    target_sizes = torch.tensor([len(transcript) for _, transcript in batch])
    return inputs, targets, input_sizes, target_sizes


class DeepSpeech(nn.Module):
    def __init__(self, labels, hidden=32):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(BINS, 24, 3, padding=1), nn.BatchNorm1d(24), nn.Hardtanh(0, 20))
        self.rnn = nn.GRU(24, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, len(labels))

    def forward(self, x):
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.rnn(x)
        return self.fc(x).log_softmax(dim=-1)


class GreedyDecoder:
    def __init__(self, labels, blank_index):
        self.labels = labels
        self.blank_index = blank_index

    def decode(self, out, sizes):
        words = []
        for path, size in zip(out.argmax(dim=-1).tolist(), sizes.tolist()):
            word, last = "", None
            for k in path[:size]:
                if k != last and k != self.blank_index:
                    word += self.labels[k]
                last = k
            words.append(word)
        return words


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        prev, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            prev, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, prev + (ca != cb))
    return row[-1]


train_set = [recording() for _ in range(960)]
test_set = [recording() for _ in range(250)]

model = DeepSpeech(labels)
decoder = GreedyDecoder(labels, blank_index=labels.index("_"))
criterion = nn.CTCLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-5)


def evaluate():
    model.eval()
    errors = letters = 0
    inputs, _, input_sizes, _ = collate(test_set)
    with torch.no_grad():
        hypotheses = decoder.decode(model(inputs), input_sizes)
    for hypothesis, (_, transcript) in zip(hypotheses, test_set):
        errors += edit_distance(hypothesis, transcript)
        letters += len(transcript)
    return errors / letters, hypotheses[:3]


for epoch in range(12):
    model.train()
    random.shuffle(train_set)
    total, steps = 0.0, 0
    for i in range(0, len(train_set), 32):
        inputs, targets, input_sizes, target_sizes = collate(train_set[i:i + 32])
        out = model(inputs).transpose(0, 1)
        loss = criterion(out, targets, input_sizes, target_sizes)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
        steps += 1
    cer, samples = evaluate()
    print(f"epoch {epoch + 1:2d}: loss {total / steps:.4f} CER {cer:.4f} {list(zip(samples, [t for _, t in test_set]))}")

print(f"RESULT test_cer {cer:.4f}")
