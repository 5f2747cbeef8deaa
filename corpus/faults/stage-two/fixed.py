import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

VOCAB, LENGTH, PAD = 24, 12, 0


def corpus(n):
    """Token sequences; the model is pretrained on masked tokens, then compares two events."""
    x = torch.randint(2, VOCAB, (n, LENGTH))
    x[:, 1::2] = (x[:, 0::2] + 5 - 2) % (VOCAB - 2) + 2
    return x


def labelled(n):
    """Which of two events, the third pair or the fifth, has the higher code?"""
    x = corpus(n)
    return x, (x[:, 4] > x[:, 8]).long()


class Encoder(nn.Module):
    def __init__(self, d=32, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d)
        self.pos = nn.Parameter(torch.randn(LENGTH, d) / math.sqrt(d))
        block = nn.TransformerEncoderLayer(d, heads, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)

    def forward(self, x):
        return self.norm(self.blocks(self.tok(x) + self.pos))


class PairClassifier(nn.Module):
    def __init__(self, encoder, d=32):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Sequential(nn.Linear(d, 32), nn.GELU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.classifier(self.encoder(x).mean(dim=1))


def pretrain(encoder, steps=150):
    lm_head = nn.Linear(32, VOCAB)
    opt = torch.optim.AdamW([*encoder.parameters(), *lm_head.parameters()], lr=2e-3)
    for step in range(steps):
        x = corpus(64)
        mask = torch.rand(x.shape) < 0.2
        logits = lm_head(encoder(x.masked_fill(mask, 1)))
        loss = F.cross_entropy(logits[mask], x[mask])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"pretraining done, masked-lm loss {loss.item():.3f}")


def finetune(model, data, epochs, lr, tag):
    x, y = data
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if (epoch + 1) % 3 == 0:
            print(f"{tag} epoch {epoch + 1} loss {total / len(x):.4f}")


encoder = Encoder()
pretrain(encoder)
train, test = labelled(900), labelled(500)
model = PairClassifier(encoder)

# stage 1: only the head
for p in model.encoder.parameters():
    p.requires_grad = False
finetune(model, train, epochs=3, lr=2e-3, tag="stage 1")

# stage 2: whole network
model.encoder.requires_grad_(True)
finetune(model, train, epochs=12, lr=3e-3, tag="stage 2")

model.eval()
with torch.no_grad():
    acc = (model(test[0]).argmax(1) == test[1]).float().mean().item()
print("RESULT test_accuracy", round(acc, 4))
