import os
import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

PAD, BOS, EOS, LETTERS, MAXLEN = 0, 1, 2, 10, 6
VOCAB = LETTERS + 3
ACCUM = 2           # two micro-batches per update


def make_batch(n):
    """Random words and the same words reversed, padded."""
    src = torch.full((n, MAXLEN), PAD)
    tgt = torch.full((n, MAXLEN + 2), PAD)
    lengths = torch.randint(3, MAXLEN + 1, (n,))
    for i, k in enumerate(lengths.tolist()):
        word = torch.randint(3, VOCAB, (k,))
        src[i, :k] = word
        tgt[i, :k + 2] = torch.cat([torch.tensor([BOS]), word.flip(0), torch.tensor([EOS])])
    return src, lengths, tgt


class Seq2Seq(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, d)
        nn.init.normal_(self.emb.weight, std=d ** -0.5)
        self.enc = nn.GRU(d, d // 2, bidirectional=True, batch_first=True)
        self.dec = nn.GRU(d, d, batch_first=True)
        self.query = nn.Linear(d, d, bias=False)
        self.mix = nn.Linear(2 * d, d)
        self.out = nn.Linear(d, VOCAB)
        self.out.weight = self.emb.weight

    def encode(self, src, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.emb(src), lengths, batch_first=True, enforce_sorted=False)
        memory, h = self.enc(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(memory, batch_first=True, total_length=src.size(1))
        return memory, torch.cat([h[0], h[1]], dim=-1).unsqueeze(0)

    def decode(self, tokens, hidden, memory, src):
        o, hidden = self.dec(self.emb(tokens), hidden)
        att = self.query(o) @ memory.transpose(1, 2) / memory.size(-1) ** 0.5
        att = att.masked_fill((src == PAD)[:, None], float("-inf")).softmax(-1)
        return self.out(torch.tanh(self.mix(torch.cat([o, att @ memory], dim=-1)))), hidden

    def loss(self, src, lengths, tgt):
        memory, hidden = self.encode(src, lengths)
        logits, _ = self.decode(tgt[:, :-1], hidden, memory, src)
        return F.cross_entropy(logits.flatten(0, 1), tgt[:, 1:].flatten(), ignore_index=PAD)

    @torch.no_grad()
    def greedy(self, src, lengths):
        memory, hidden = self.encode(src, lengths)
        tok, out = torch.full((len(src), 1), BOS), []
        for _ in range(MAXLEN + 1):
            logits, hidden = self.decode(tok, hidden, memory, src)
            tok = logits.argmax(-1)
            out.append(tok)
        return torch.cat(out, dim=1)


model = Seq2Seq()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
running = 0.0
for update in range(1, 221):
    model.train()
    opt.zero_grad()
    for _ in range(ACCUM):
        loss = model.loss(*make_batch(32)) / ACCUM
        loss.backward()
        running += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if update % 20 == 0:
        print(f"update {update}  loss {running / 20:.4f}")
        running = 0.0

model.eval()
src, lengths, tgt = make_batch(500)
guess, want = model.greedy(src, lengths), tgt[:, 1:]
exact = ((guess == want) | (want == PAD)).all(1).float().mean().item()
print("RESULT exact_match", round(exact, 4))
