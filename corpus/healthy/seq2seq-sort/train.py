import os
import random
import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)

VOCAB, LEN, SOS = 11, 6, 10


class Encoder(nn.Module):
    def __init__(self, emb, hid):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)

    def forward(self, src):
        return self.rnn(self.emb(src))[1]


class Decoder(nn.Module):
    def __init__(self, emb, hid):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)
        self.out = nn.Linear(hid, VOCAB)

    def forward(self, token, state):
        o, state = self.rnn(self.emb(token), state)
        return self.out(o), state


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(24, 96), Decoder(24, 96)

    def forward(self, src, trg=None, teacher_forcing=0.0):
        state = self.encoder(src)
        token = torch.full((len(src), 1), SOS)
        if trg is not None and random.random() < teacher_forcing:
            shifted = torch.cat([token, trg[:, :-1]], 1)
            return self.decoder(shifted, state)[0]
        logits = []
        for _ in range(LEN):
            o, state = self.decoder(token, state)
            logits.append(o)
            token = o.argmax(-1)
        return torch.cat(logits, 1)


def batch(n):
    src = torch.randint(0, 10, (n, LEN))
    return src, src.sort(1).values


model = Seq2Seq()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.StepLR(optimizer, 300, 0.4)
criterion = nn.CrossEntropyLoss()
for it in range(900):
    src, trg = batch(128)
    logits = model(src, trg, teacher_forcing=0.8)
    loss = criterion(logits.reshape(-1, VOCAB), trg.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    sched.step()
    if it % 100 == 0:
        print(f"iter {it} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    src, trg = batch(1000)
    acc = (model(src).argmax(-1) == trg).float().mean().item()
print(f"RESULT token_accuracy {acc:.4f}")
