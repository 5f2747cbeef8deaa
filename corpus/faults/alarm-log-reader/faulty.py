import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description="Which service fails right after the alarm line of a log?")
parser.add_argument("--length", type=int, default=12)
parser.add_argument("--services", type=int, default=6)
parser.add_argument("--train", type=int, default=2400)
parser.add_argument("--test", type=int, default=600)
parser.add_argument("--batch", type=int, default=60)
parser.add_argument("--epochs", type=int, default=18)
parser.add_argument("--lr-encoder", type=float, default=4e-3)
parser.add_argument("--lr-head", type=float, default=8e-3)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

ALARM = args.services            # token of the alarm line
VOCAB = args.services + 1


def write_logs(n):
    lines = rng.integers(0, args.services, size=(n, args.length))
    where = rng.integers(0, args.length - 1, size=n)
    rows = np.arange(n)
    lines[rows, where] = ALARM
    failing = lines[rows, where + 1]
    return torch.from_numpy(lines).long(), torch.from_numpy(failing).long()


class Encoder(nn.Module):
    def __init__(self, vocab, emb=16, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)

    def forward(self, tokens):
        out, _ = self.gru(self.emb(tokens))
        return out.amax(dim=1)


class LogReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(VOCAB)
        self.head = nn.Linear(48, args.services)

    def forward(self, tokens):
        return self.head(self.encoder(tokens))


train_loader = DataLoader(TensorDataset(*write_logs(args.train)), batch_size=args.batch, shuffle=True)
test_loader = DataLoader(TensorDataset(*write_logs(args.test)), batch_size=200)

model = LogReader()

encoder_params = filter(lambda p: p.requires_grad, model.encoder.parameters())
head_params = [p for p in model.head.parameters() if p.requires_grad]
print(f"encoder: {sum(p.numel() for p in encoder_params)} trainable parameters")
print(f"head:    {sum(p.numel() for p in head_params)} trainable parameters")

optimizer = torch.optim.Adam([
    {"params": encoder_params, "lr": args.lr_encoder},
    {"params": head_params, "lr": args.lr_head},
])
criterion = nn.CrossEntropyLoss()


def evaluate():
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for tokens, failing in test_loader:
            hits += (model(tokens).argmax(1) == failing).sum().item()
            total += len(failing)
    return hits / total


for epoch in range(args.epochs):
    model.train()
    losses = []
    for tokens, failing in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(tokens), failing)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"[{epoch + 1:02d}/{args.epochs}] loss {np.mean(losses):.4f} accuracy {evaluate():.4f}")

print(f"RESULT test_accuracy {evaluate():.4f}")
