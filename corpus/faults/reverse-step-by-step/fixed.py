import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

VOCAB = 8
LENGTH = 5
BOS = VOCAB


def batch_of(n):
    src = torch.randint(0, VOCAB, (n, LENGTH))
    return src, src.flip(1)


class Seq2Seq(nn.Module):
    def __init__(self, emb=24, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(VOCAB + 1, emb)
        self.encoder = nn.GRU(emb, hidden, batch_first=True)
        self.decoder = nn.GRU(emb, hidden, batch_first=True)
        self.out = nn.Linear(hidden, VOCAB)

    def forward(self, src, tgt=None):
        _, h = self.encoder(self.embed(src))
        token = torch.full((len(src), 1), BOS)
        logits = []
        for t in range(LENGTH):
            y, h = self.decoder(self.embed(token), h)
            step = self.out(y.squeeze(1))
            logits.append(step)
            token = tgt[:, t:t + 1] if tgt is not None else step.argmax(-1, keepdim=True)
        return torch.stack(logits, dim=1)


class Trainer:
    def __init__(self, model, lr=4e-3, batch_size=64):
        self.model = model
        self.batch_size = batch_size
        self.loss_fn = nn.CrossEntropyLoss()
        self.optim = torch.optim.Adam(model.parameters(), lr=lr)
        self.valid = batch_of(500)

    def train(self, steps):
        self.model.train()
        window = []
        for step in range(1, steps + 1):
            src, tgt = batch_of(self.batch_size)
            logits = self.model(src, tgt)
            loss = self.loss_fn(logits.reshape(-1, VOCAB), tgt.reshape(-1))
            self.optim.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optim.step()
            window.append(loss.item())
            if step % 50 == 0:
                print(f"step {step} loss {sum(window) / len(window):.4f} token acc {self.accuracy():.4f}")
                window = []

    @torch.no_grad()
    def accuracy(self):
        self.model.eval()
        src, tgt = self.valid
        acc = (self.model(src).argmax(-1) == tgt).float().mean().item()
        self.model.train()
        return acc


trainer = Trainer(Seq2Seq())
trainer.train(450)
print(f"RESULT token_accuracy {trainer.accuracy():.4f}")
