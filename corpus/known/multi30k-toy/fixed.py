import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

PAD, BOS, EOS = 0, 1, 2
DETS = [("the", "das"), ("a", "ein"), ("this", "dieses"), ("every", "jedes")]
ADJS = [("small", "kleine"), ("big", "grosse"), ("red", "rote"), ("old", "alte"), ("young", "junge"), ("happy", "frohe")]
NOUNS = [("child", "kind"), ("girl", "maedchen"), ("horse", "pferd"), ("house", "haus"), ("book", "buch"),
         ("boat", "boot"), ("car", "auto"), ("picture", "bild")]
VERBS = [("sees", "sieht"), ("likes", "mag"), ("paints", "malt"), ("finds", "findet"), ("buys", "kauft")]
CONJ = [("and", "und"), ("while", "waehrend")]


def noun_phrase():
    parts = [random.choice(DETS)]
    if random.random() < 0.5:
        parts.append(random.choice(ADJS))
    return parts + [random.choice(NOUNS)]


def clause():
    subj, verb, obj = noun_phrase(), random.choice(VERBS), noun_phrase()
    return [w[0] for w in subj + [verb] + obj], [w[1] for w in subj + obj + [verb]]


def sentence():
    src, tgt = clause()
    if random.random() < 0.3:
        conj, (s, t) = random.choice(CONJ), clause()
        src, tgt = src + [conj[0]] + s, tgt + [conj[1]] + t
    return src, tgt


def build_vocab(side):
    words = sorted(w[side] for group in (DETS, ADJS, NOUNS, VERBS, CONJ) for w in group)
    return {w: i + 3 for i, w in enumerate(words)}


SRC_VOCAB, TGT_VOCAB = build_vocab(0), build_vocab(1)


def pad_batch(seqs):
    out = torch.full((len(seqs), max(map(len, seqs))), PAD, dtype=torch.long)
    for i, s in enumerate(seqs):
        out[i, :len(s)] = torch.tensor(s)
    return out


def batches(pairs, size, shuffle):
    pairs = random.sample(pairs, len(pairs)) if shuffle else pairs
    for i in range(0, len(pairs), size):
        chunk = pairs[i:i + size]
        src = pad_batch([[SRC_VOCAB[w] for w in s] + [EOS] for s, _ in chunk])
        tgt = pad_batch([[BOS] + [TGT_VOCAB[w] for w in t] + [EOS] for _, t in chunk])
        yield src, tgt


def get_attn_padding_mask(seq_q, seq_k):
    pad_q = seq_q.eq(PAD).unsqueeze(2)
    pad_k = seq_k.eq(PAD).unsqueeze(1)
    return pad_q | pad_k


def get_attn_subsequent_mask(seq):
    n = seq.size(1)
    return torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1).unsqueeze(0)


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_head):
        super().__init__()
        self.n_head, self.d_k = n_head, d_model // n_head
        self.w_q, self.w_k, self.w_v = (nn.Linear(d_model, d_model) for _ in range(3))
        self.proj = nn.Linear(d_model, d_model)
        self.layer_norm = nn.LayerNorm(d_model)

    def heads(self, x):
        return x.view(x.size(0), x.size(1), self.n_head, self.d_k).transpose(1, 2)

    def forward(self, q, kv, mask):
        Q, K, V = self.heads(self.w_q(q)), self.heads(self.w_k(kv)), self.heads(self.w_v(kv))
        attn = Q @ K.transpose(-2, -1) / self.d_k ** 0.5
        attn = attn.masked_fill(mask.unsqueeze(1), -1e9)
        out = (attn.softmax(dim=-1) @ V).transpose(1, 2).flatten(2)
        return self.layer_norm(self.proj(out) + q)


class PositionwiseFeedForward(nn.Module):
    def __init__(self, d_model, d_inner):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_model, d_inner), nn.ReLU(), nn.Linear(d_inner, d_model))
        self.layer_norm = nn.LayerNorm(d_model)

    def forward(self, x):
        return self.layer_norm(self.net(x) + x)


def position_table(n, d):
    angle = np.arange(n)[:, None] / np.power(10000, 2 * (np.arange(d)[None] // 2) / d)
    table = np.where(np.arange(d) % 2 == 0, np.sin(angle), np.cos(angle))
    return torch.tensor(table, dtype=torch.float32)


class Transformer(nn.Module):
    def __init__(self, n_src, n_tgt, d_model=48, n_head=4, n_layers=2):
        super().__init__()
        self.src_emb = nn.Embedding(n_src, d_model, padding_idx=PAD)
        self.tgt_emb = nn.Embedding(n_tgt, d_model, padding_idx=PAD)
        self.register_buffer("pos", position_table(64, d_model))
        att = lambda: nn.ModuleList([MultiHeadAttention(d_model, n_head) for _ in range(n_layers)])
        ffn = lambda: nn.ModuleList([PositionwiseFeedForward(d_model, 2 * d_model) for _ in range(n_layers)])
        self.enc_self, self.enc_ffn = att(), ffn()
        self.dec_self, self.dec_cross, self.dec_ffn = att(), att(), ffn()
        self.out = nn.Linear(d_model, n_tgt)

    def forward(self, src, tgt):
        x = self.src_emb(src) + self.pos[:src.size(1)]
        mask = get_attn_padding_mask(src, src)
        for att, ffn in zip(self.enc_self, self.enc_ffn):
            x = ffn(att(x, x, mask))
        y = self.tgt_emb(tgt) + self.pos[:tgt.size(1)]
        self_mask = get_attn_padding_mask(tgt, tgt) | get_attn_subsequent_mask(tgt)
        cross_mask = get_attn_padding_mask(tgt, src)
        for att, cross, ffn in zip(self.dec_self, self.dec_cross, self.dec_ffn):
            y = ffn(cross(att(y, y, self_mask), x, cross_mask))
        return self.out(y)


def run_epoch(pairs, optimizer=None):
    total, correct, words = 0.0, 0, 0
    for src, tgt in batches(pairs, 64, optimizer is not None):
        gold = tgt[:, 1:]
        logits = model(src, tgt[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=PAD)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        real = gold != PAD
        total += loss.item() * real.sum().item()
        correct += ((logits.argmax(-1) == gold) & real).sum().item()
        words += real.sum().item()
    return total / words, correct / words


pairs = [sentence() for _ in range(2700)]
train_pairs, valid_pairs = pairs[:2400], pairs[2400:]
model = Transformer(len(SRC_VOCAB) + 3, len(TGT_VOCAB) + 3)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.98))

for epoch in range(12):
    model.train()
    train_loss, train_acc = run_epoch(train_pairs, optimizer)
    model.eval()
    with torch.no_grad():
        valid_loss, valid_acc = run_epoch(valid_pairs)
    print(f"[ Epoch {epoch} ] (Training) loss: {train_loss:8.4f}, accuracy: {100 * train_acc:5.1f} %"
          f"  (Validation) loss: {valid_loss:8.4f}, accuracy: {100 * valid_acc:5.1f} %")

print(f"RESULT valid_accuracy {valid_acc:.4f}")
