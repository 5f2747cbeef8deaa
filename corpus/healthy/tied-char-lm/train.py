import math
import os
import random
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(os.environ.get("SEED", 0))
random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

PARTS = [["red", "old", "tall", "quiet"], ["fox", "clock", "river", "baker", "tower"], ["sings", "waits", "turns", "falls"], ["slowly", "again", "at dawn"]]
text = " ".join(" ".join(random.choice(p) for p in PARTS) + "." for _ in range(1600))
chars = sorted(set(text))
data = torch.tensor([chars.index(c) for c in text])
cut = int(len(data) * 0.9)


def batchify(stream, n):
    return stream[: len(stream) // n * n].view(n, -1)


class TiedLM(nn.Module):
    def __init__(self, vocab, dim=64):
        super().__init__()
        self.encoder = nn.Embedding(vocab, dim)
        self.rnn = nn.LSTM(dim, dim, batch_first=True)
        self.decoder = nn.Linear(dim, vocab)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        self.decoder.weight = self.encoder.weight

    def forward(self, x, hidden=None):
        y, hidden = self.rnn(self.encoder(x), hidden)
        return self.decoder(y), hidden


def repackage(hidden):
    return tuple(h.detach() for h in hidden)


train, val = batchify(data[:cut], 20), batchify(data[cut:], 20)
model = TiedLM(len(chars))
opt = torch.optim.Adam(model.parameters(), lr=8e-3)
BPTT = 32
for epoch in range(4):
    hidden, total, n = None, 0.0, 0
    for s in range(0, train.size(1) - 1, BPTT):
        chunk = train[:, s:s + BPTT + 1]
        if hidden is not None:
            hidden = repackage(hidden)
        logits, hidden = model(chunk[:, :-1], hidden)
        loss = F.cross_entropy(logits.flatten(0, 1), chunk[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
        total, n = total + loss.item(), n + 1
    print(f"epoch {epoch + 1} train perplexity {math.exp(total / n):.3f}")
with torch.no_grad():
    logits, _ = model(val[:, :-1])
    ppl = math.exp(F.cross_entropy(logits.flatten(0, 1), val[:, 1:].flatten()).item())
print(f"RESULT val_perplexity {ppl:.4f}")
