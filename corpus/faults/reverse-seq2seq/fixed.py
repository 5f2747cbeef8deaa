import os
import random

import torch
import torch.nn as nn
from torch import optim
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

SOS, N_SYM, LEN, HIDDEN = 0, 9, 5, 64


class EncoderRNN(nn.Module):
    def __init__(self, n_tokens, hidden):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, src):
        return self.gru(self.embedding(src))[1]


class DecoderRNN(nn.Module):
    def __init__(self, n_tokens, hidden):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(hidden, n_tokens)

    def forward(self, token, hidden):
        o, hidden = self.gru(self.embedding(token), hidden)
        return self.out(o), hidden


def make_batch(n):
    src = torch.randint(1, N_SYM + 1, (n, LEN))
    return src, src.flip(1)


def train_step(src, tgt, encoder, decoder, encoder_optimizer, decoder_optimizer):
    encoder.train()
    decoder.train()
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()

    hidden = encoder(src)
    start = torch.full((len(src), 1), SOS)
    logits, _ = decoder(torch.cat([start, tgt[:, :-1]], 1), hidden)
    loss = F.cross_entropy(logits.reshape(-1, N_SYM + 1), tgt.reshape(-1))

    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(encoder, decoder, n=400):
    encoder.eval()
    decoder.eval()
    src, tgt = make_batch(n)
    hidden = encoder(src)
    token = torch.full((n, 1), SOS)
    out = []
    for _ in range(LEN):
        logits, hidden = decoder(token, hidden)
        token = logits.argmax(-1)
        out.append(token)
    return (torch.cat(out, 1) == tgt).float().mean().item()


encoder, decoder = EncoderRNN(N_SYM + 1, HIDDEN), DecoderRNN(N_SYM + 1, HIDDEN)
encoder_optimizer = optim.Adam(encoder.parameters(), lr=8e-3)
decoder_optimizer = optim.Adam(decoder.parameters(), lr=8e-3)

print_total = 0.0
for step in range(1, 401):
    print_total += train_step(*make_batch(64), encoder, decoder, encoder_optimizer, decoder_optimizer)
    if step % 100 == 0:
        print(f"{step}  loss {print_total / 100:.4f}  token acc {evaluate(encoder, decoder):.3f}")
        print_total = 0.0

print(f"RESULT token_accuracy {evaluate(encoder, decoder):.4f}")
