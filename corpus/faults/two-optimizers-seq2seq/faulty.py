import os
import random

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

SOS, VOCAB, LENGTH, HIDDEN = 0, 9, 4, 48


class EncoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)

    def forward(self, src):
        return self.gru(self.embedding(src))[1]


class DecoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, HIDDEN)
        self.gru = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, VOCAB)

    def forward(self, tokens, hidden):
        output, hidden = self.gru(self.embedding(tokens), hidden)
        return self.out(output), hidden


def batch(n):
    src = torch.randint(1, VOCAB, (n, LENGTH))
    return src, src.flip(1)


def train_step(encoder, decoder, enc_opt, dec_opt, criterion, n=64):
    src, tgt = batch(n)
    enc_opt.zero_grad(), enc_opt.zero_grad()
    hidden = encoder(src)
    dec_in = torch.cat([torch.full((n, 1), SOS), tgt[:, :-1]], dim=1)
    logits, _ = decoder(dec_in, hidden)
    loss = criterion(logits.reshape(-1, VOCAB), tgt.reshape(-1))
    loss.backward()
    enc_opt.step()
    dec_opt.step()
    return loss.item()


def greedy(encoder, decoder, src):
    hidden = encoder(src)
    token = torch.full((len(src), 1), SOS)
    result = []
    for _ in range(LENGTH):
        logits, hidden = decoder(token, hidden)
        token = logits.argmax(-1)
        result.append(token)
    return torch.cat(result, dim=1)


encoder, decoder = EncoderRNN(), DecoderRNN()
encoder_optimizer = torch.optim.Adam(encoder.parameters(), lr=4e-3)
decoder_optimizer = torch.optim.Adam(decoder.parameters(), lr=4e-3)
criterion = nn.CrossEntropyLoss()

plot_loss = 0.0
for it in range(1, 601):
    plot_loss += train_step(encoder, decoder, encoder_optimizer, decoder_optimizer, criterion)
    if it % 100 == 0:
        print(f"iteration {it} ({it / 6:.0f}%) average loss {plot_loss / 100:.4f}")
        plot_loss = 0.0

encoder.eval()
decoder.eval()
with torch.no_grad():
    src, tgt = batch(500)
    acc = (greedy(encoder, decoder, src) == tgt).float().mean().item()
print(f"RESULT token_accuracy {acc:.4f}")
