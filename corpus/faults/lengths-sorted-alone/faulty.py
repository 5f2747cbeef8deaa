"""BiLSTM on variable-length protein-like strings: does it contain one of three motifs?"""
import os
import random
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
ALPHABET = "ACDEFGHIKLMNPQRSTVWY"
MOTIFS = ["HEH", "WCW", "KRK", "GPG"]


class Motifs(Dataset):
    def __init__(self, n):
        self.items = []
        for _ in range(n):
            c = random.randrange(len(MOTIFS))
            s = random.choices(ALPHABET, k=random.randint(8, 30))
            p = random.randint(0, len(s) - 3)
            s[p:p + 3] = MOTIFS[c]
            self.items.append((torch.tensor([ALPHABET.index(a) + 1 for a in s]), c))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def pad_collate(batch):
    seqs, labels = zip(*batch)
    seqs = sorted(seqs, key=len, reverse=True)   # pack_padded_sequence wants them sorted
    lengths = torch.tensor([len(s) for s in seqs])
    return pad_sequence(seqs, batch_first=True), lengths, torch.tensor(labels)


class MotifNet(nn.Module):
    def __init__(self, emb=16, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET) + 1, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hidden, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * hidden, len(MOTIFS))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.embed(x), lengths, batch_first=True)
        _, (h, _) = self.lstm(packed)
        return self.fc(torch.cat([h[0], h[1]], 1))


def evaluate(model, loader):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, l, y in loader:
            good += (model(x, l).argmax(1) == y).sum().item()
            total += len(y)
    return good / total


train_loader = DataLoader(Motifs(1500), batch_size=32, shuffle=True, collate_fn=pad_collate)
test_set = Motifs(400)
model = MotifNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    model.train()
    total = 0.0
    for x, lengths, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x, lengths), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    acc = evaluate(model, DataLoader(test_set, batch_size=1, collate_fn=pad_collate))
    print(f"epoch {epoch + 1} loss {total / len(train_loader):.4f} acc {acc:.3f}")
print("RESULT accuracy", round(acc, 4))
