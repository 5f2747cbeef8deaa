"""Small encoder-decoder that translates a toy language (subject adjective verb object)."""
import math
import os
from argparse import Namespace

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

opt = Namespace(
    word_vec_size=32,
    rnn_size=96,
    batch_size=50,
    epochs=14,
    optim="adam",
    learning_rate=1.0,
    max_grad_norm=5.0,
)

GROUP = 8            # words per part of speech
BOS = 4 * GROUP
N_WORDS = 4 * GROUP + 1


def make_pairs(n):
    words = torch.randint(0, GROUP, (n, 4))
    src = words + GROUP * torch.arange(4)
    dictionary = torch.randperm(4 * GROUP, generator=torch.Generator().manual_seed(7))
    tgt = dictionary[src[:, [0, 3, 1, 2]]]
    return src, tgt


class NMTModel(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.src_emb = nn.Embedding(N_WORDS, opt.word_vec_size)
        self.tgt_emb = nn.Embedding(N_WORDS, opt.word_vec_size)
        self.encoder = nn.GRU(opt.word_vec_size, opt.rnn_size, batch_first=True)
        self.decoder = nn.GRU(opt.word_vec_size, opt.rnn_size, batch_first=True)
        self.generator = nn.Linear(opt.rnn_size, N_WORDS)

    def forward(self, src, tgt_in):
        _, state = self.encoder(self.src_emb(src))
        out, _ = self.decoder(self.tgt_emb(tgt_in), state)
        return self.generator(out)


def build_optim(model, opt):
    if opt.optim == "sgd":
        return torch.optim.SGD(model.parameters(), lr=opt.learning_rate)
    if opt.optim == "adagrad":
        return torch.optim.Adagrad(model.parameters(), lr=opt.learning_rate)
    if opt.optim == "adam":
        return torch.optim.Adam(model.parameters(), lr=opt.learning_rate)
    raise ValueError(opt.optim)


def shift(tgt):
    return torch.cat([torch.full((len(tgt), 1), BOS), tgt[:, :-1]], 1)


src, tgt = make_pairs(4000)
src_valid, tgt_valid = make_pairs(500)

model = NMTModel(opt)
optimizer = build_optim(model, opt)
criterion = nn.CrossEntropyLoss()

for epoch in range(opt.epochs):
    model.train()
    total, n = 0.0, 0
    for idx in torch.randperm(len(src)).split(opt.batch_size):
        scores = model(src[idx], shift(tgt[idx]))
        loss = criterion(scores.reshape(-1, N_WORDS), tgt[idx].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), opt.max_grad_norm)
        optimizer.step()
        total += loss.item() * len(idx)
        n += len(idx)
    model.eval()
    with torch.no_grad():
        pred = model(src_valid, shift(tgt_valid)).argmax(-1)
    acc = (pred == tgt_valid).float().mean().item()
    print(f"Epoch {epoch + 1:2d}; ppl: {math.exp(min(total / n, 100)):.2f}; valid acc: {100 * acc:.2f}")

print(f"RESULT valid_token_accuracy {acc:.4f}")
