import os

import torch
import torch.nn as nn
from torch.nn.utils.parametrizations import weight_norm

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

STATES, OBS, PAD = 5, 12, 12


def sample_hmm(n, trans, emit):
    out = []
    for _ in range(n):
        length = int(torch.randint(10, 60, (1,)))
        z = int(torch.randint(STATES, (1,)))
        u = torch.rand(length, 2)
        zs = []
        for t in range(length):
            zs.append(z)
            z = int((trans[z].cumsum(0) < u[t, 0]).sum().clamp(max=STATES - 1))
        zs = torch.tensor(zs)
        xs = (emit[zs].cumsum(1) < u[:, 1:]).sum(1).clamp(max=OBS - 1)
        out.append((xs, zs))
    return out


def collate(seqs):
    x = nn.utils.rnn.pad_sequence([s[0] for s in seqs], batch_first=True, padding_value=PAD)
    y = nn.utils.rnn.pad_sequence([s[1] for s in seqs], batch_first=True, padding_value=-100)
    return x, y


class Tagger(nn.Module):
    def __init__(self, ch=32):
        super().__init__()
        self.emb = nn.Embedding(OBS + 1, ch, padding_idx=PAD)
        self.convs = nn.ModuleList(weight_norm(nn.Conv1d(ch, ch, 3, padding=d, dilation=d)) for d in (1, 2, 4, 8))
        self.out = nn.Linear(ch, STATES)

    def forward(self, x):
        mask = (x != PAD).unsqueeze(1)
        h = self.emb(x).transpose(1, 2)
        for conv in self.convs:
            h = (h + torch.relu(conv(h))) * mask
        return self.out(h.transpose(1, 2))


trans = 0.85 * torch.eye(STATES) + 0.15 * torch.eye(STATES).roll(1, 1)
emit = torch.full((STATES, OBS), 0.3 / OBS)
for s in range(STATES):
    for k in range(3):
        emit[s, (2 * s + k) % OBS] += 0.7 / 3
train, test = sample_hmm(500, trans, emit), sample_hmm(150, trans, emit)

tagger = Tagger()
opt = torch.optim.AdamW(tagger.parameters(), lr=4e-3)
ACC, MICRO = 4, 8
for epoch in range(8):
    tagger.train()
    order = torch.randperm(len(train)).tolist()
    micro = [[train[i] for i in order[s:s + MICRO]] for s in range(0, len(order), MICRO)]
    epoch_loss, epoch_tokens = 0.0, 0
    for start in range(0, len(micro), ACC):
        group = [collate(m) for m in micro[start:start + ACC]]
        tokens = sum(int((y != -100).sum()) for _, y in group)   # normalise by the tokens of the whole group
        opt.zero_grad()
        for x, y in group:
            loss = nn.functional.cross_entropy(tagger(x).flatten(0, 1), y.flatten(), ignore_index=-100, reduction="sum")
            (loss / tokens).backward()
            epoch_loss += loss.item()
        nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        opt.step()
        epoch_tokens += tokens
    print(f"epoch {epoch + 1}: loss per token {epoch_loss / epoch_tokens:.4f}")

tagger.eval()
with torch.no_grad():
    x, y = collate(test)
    m = y != -100
    acc = (tagger(x).argmax(-1)[m] == y[m]).float().mean().item()
    single = emit.argmax(0)  # the best tag for each symbol on its own
    alone = (single[x[m]] == y[m]).float().mean().item()
print(f"per-symbol guess {alone:.4f}")
print("RESULT tag_accuracy", round(acc, 4))
