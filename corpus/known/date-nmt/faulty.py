import math
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

PAD, BOS, EOS = 0, 1, 2
MONTHS = "january february march april may june july august september october november december".split()
YEARS = [str(y) for y in range(1985, 2015)]
SRC = {w: i + 3 for i, w in enumerate(MONTHS + [str(d) for d in range(1, 29)] + YEARS + [",", "of", "the"])}
TGT = {c: i + 3 for i, c in enumerate("0123456789")}


def make_pair(day, month, year):
    m = MONTHS[month - 1]
    words = random.choice([[str(day), m, year], [m, str(day), ",", year], ["the", str(day), "of", m, year]])
    return [SRC[w] for w in words], [BOS] + [TGT[c] for c in f"{year}{month:02d}{day:02d}"] + [EOS]


dates = [(d, m, y) for d in range(1, 29) for m in range(1, 13) for y in YEARS]
random.shuffle(dates)
pairs = [make_pair(*d) for d in dates[:4500]]
train_pairs, valid_pairs = pairs[:4000], pairs[4000:]


def to_batch(chunk):
    lengths = torch.tensor([len(s) for s, _ in chunk])
    src = torch.full((len(chunk), int(lengths.max())), PAD)
    for i, (s, _) in enumerate(chunk):
        src[i, :len(s)] = torch.tensor(s)
    return src, lengths, torch.tensor([t for _, t in chunk])


class Encoder(nn.Module):
    def __init__(self, vocab, emb, hidden):
        super().__init__()
        self.word_lut = nn.Embedding(vocab, emb, padding_idx=PAD)
        self.rnn = nn.LSTM(emb, hidden, batch_first=True)

    def forward(self, src, lengths):
        packed = pack_padded_sequence(self.word_lut(src), lengths, batch_first=True, enforce_sorted=False)
        outputs, (h, c) = self.rnn(packed)
        context, _ = pad_packed_sequence(outputs, batch_first=True)
        return (h[0], c[0]), context


class GlobalAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.linear_in = nn.Linear(dim, dim, bias=False)
        self.linear_out = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, queries, context, pad_mask):
        scores = self.linear_in(queries) @ context.transpose(1, 2)
        weights = scores.masked_fill(pad_mask.unsqueeze(1), -1e9).softmax(dim=-1)
        return torch.tanh(self.linear_out(torch.cat([weights @ context, queries], dim=-1)))


class Decoder(nn.Module):
    def __init__(self, vocab, emb, hidden):
        super().__init__()
        self.word_lut = nn.Embedding(vocab, emb, padding_idx=PAD)
        self.rnn = nn.LSTMCell(emb, hidden)
        self.attn = GlobalAttention(hidden)

    def forward(self, tokens, hidden, context, pad_mask):
        emb = self.word_lut(tokens)
        outputs = []
        h, c = hidden
        for emb_t in emb.unbind(dim=1):
            h, c = self.rnn(emb_t, hidden)
            outputs.append(h)
        return self.attn(torch.stack(outputs, dim=1), context, pad_mask)


class NMTModel(nn.Module):
    def __init__(self, emb=32, hidden=64):
        super().__init__()
        self.encoder = Encoder(len(SRC) + 3, emb, hidden)
        self.decoder = Decoder(len(TGT) + 3, emb, hidden)
        self.generator = nn.Linear(hidden, len(TGT) + 3)

    def forward(self, src, lengths, tokens):
        hidden, context = self.encoder(src, lengths)
        return self.generator(self.decoder(tokens, hidden, context, src.eq(PAD)))

    @torch.no_grad()
    def translate(self, src, lengths, max_len=9):
        hidden, context = self.encoder(src, lengths)
        tokens = torch.full((len(src), 1), BOS)
        for _ in range(max_len):
            out = self.decoder(tokens, hidden, context, src.eq(PAD))
            best = self.generator(out[:, -1]).argmax(dim=-1, keepdim=True)
            tokens = torch.cat([tokens, best], dim=1)
        return tokens


model = NMTModel()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
v_src, v_len, v_tgt = to_batch(valid_pairs)

for epoch in range(1, 13):
    model.train()
    random.shuffle(train_pairs)
    total, n = 0.0, 0
    for i in range(0, len(train_pairs), 80):
        src, lengths, tgt = to_batch(train_pairs[i:i + 80])
        logits = model(src, lengths, tgt[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tgt[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        total, n = total + loss.item(), n + 1
    model.eval()
    with torch.no_grad():
        v_loss = F.cross_entropy(model(v_src, v_len, v_tgt[:, :-1]).flatten(0, 1), v_tgt[:, 1:].flatten()).item()
    print(f"Epoch {epoch:2d}  train perplexity {math.exp(total / n):.3f}  validation perplexity {math.exp(v_loss):.3f}")

exact = (model.translate(v_src, v_len) == v_tgt).all(dim=1).float().mean().item()
print(f"RESULT exact_match {exact:.4f}")
