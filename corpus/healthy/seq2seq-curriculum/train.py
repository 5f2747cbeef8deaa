import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

PAD, BOS, EOS, BASE, LETTERS = 0, 1, 2, 3, 10
VOCAB, D, MAXLEN = BASE + LETTERS, 32, 8


def batch(n, longest):
    """source: letters, target: the letters sorted"""
    lens = torch.randint(2, longest + 1, (n,))
    pos = torch.arange(longest)
    src = torch.randint(BASE, VOCAB, (n, longest))
    valid = pos[None] < lens[:, None]
    tgt = torch.where(valid, src, VOCAB).sort(1).values
    tgt = torch.where(valid, tgt, PAD)
    src = torch.where(valid, src, PAD)
    out = torch.zeros(n, longest + 2, dtype=torch.long)
    out[:, 0] = BOS
    out[:, 1:-1] = tgt
    out[torch.arange(n), lens + 1] = EOS
    return src, out


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, D, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(MAXLEN, D) * 0.1)
        self.core = nn.Transformer(D, 4, 1, 1, 64, dropout=0.0, batch_first=True)
        self.core.encoder.use_nested_tensor = False
        self.lin = nn.Linear(D, VOCAB)

    def embed(self, ids):
        return self.tok(ids) * math.sqrt(D) / 4 + self.pos[: ids.size(1)]

    def forward(self, src, tgt):
        n = tgt.size(1)
        causal = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
        pad = src == PAD
        h = self.core(self.embed(src), self.embed(tgt), tgt_mask=causal, src_key_padding_mask=pad,
                      memory_key_padding_mask=pad, tgt_key_padding_mask=tgt == PAD)
        return self.lin(h)

    @torch.no_grad()
    def greedy(self, src, steps):
        ys = torch.full((len(src), 1), BOS)
        for _ in range(steps):
            ys = torch.cat([ys, self(src, ys)[:, -1:].argmax(-1)], 1)
        return ys


net = Seq2Seq()
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
optimizer = torch.optim.Adam(net.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
noam = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 0.3 * D ** -0.5 * min((s + 1) ** -0.5, (s + 1) * 80 ** -1.5))
STEPS = 500
for step in range(STEPS):
    longest = 3 + min(2, step // 120)      # longer words as the training goes on
    src, tgt = batch(64, longest)
    logits = net(src, tgt[:, :-1])
    loss = criterion(logits.reshape(-1, VOCAB), tgt[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    noam.step()
    if (step + 1) % 50 == 0:
        print(f"step {step + 1} up to {longest} letters: loss {loss.item():.3f} lr {noam.get_last_lr()[0]:.2e}")

net.eval()
src, tgt = batch(300, 5)
hyp = net.greedy(src, tgt.size(1) - 1)
upto_eos = tgt != PAD
right = ((hyp == tgt) | ~upto_eos).all(1).float().mean().item()
print("RESULT exact_match", round(right, 4))
