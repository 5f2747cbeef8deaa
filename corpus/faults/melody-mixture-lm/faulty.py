"""Next-note model for folk-like tunes: LSTM with a mixture-of-softmaxes head."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_NOTES = 48
TUNE_LEN = 32
N_MODES = 2
FOLLOW_PROBS = np.array([0.75, 0.18, 0.07])


def make_grammar():
    """For every mode and every note: the three notes that may follow."""
    rows = [rng.choice(N_NOTES, 3, replace=False) for _ in range(N_MODES * N_NOTES)]
    return np.array(rows).reshape(N_MODES, N_NOTES, 3)


def compose(n_tunes, grammar):
    tunes = np.empty((n_tunes, TUNE_LEN), dtype=np.int64)
    mode = rng.integers(0, N_MODES, n_tunes)
    tunes[:, 0] = rng.integers(0, N_NOTES, n_tunes)
    for t in range(1, TUNE_LEN):
        pick = rng.choice(3, size=n_tunes, p=FOLLOW_PROBS)
        tunes[:, t] = grammar[mode, tunes[:, t - 1], pick]
    return torch.from_numpy(tunes)


class MelodyModel(nn.Module):
    def __init__(self, n_notes, dim=48, hidden=64, n_mix=3):
        super().__init__()
        self.n_mix = n_mix
        self.embed = nn.Embedding(n_notes, dim)
        self.rnn = nn.LSTM(dim, hidden, batch_first=True)
        self.prior = nn.Linear(hidden, n_mix)
        self.latent = nn.Linear(hidden, n_mix * dim)
        self.decoder = nn.Linear(dim, n_notes)

    def forward(self, notes):
        h, _ = self.rnn(self.embed(notes))
        b, t, _ = h.shape
        z = torch.tanh(self.latent(h)).view(b, t, self.n_mix, -1)
        prior = F.softmax(self.prior(h), dim=-1).unsqueeze(-1)
        components = F.softmax(self.decoder(z), dim=-1)
        mixture = (prior * components).sum(dim=2)
        return mixture


def tune_loss(model, tunes):
    out = model(tunes[:, :-1])
    return F.cross_entropy(out.reshape(-1, N_NOTES), tunes[:, 1:].reshape(-1))


def evaluate(model, tunes):
    model.eval()
    with torch.no_grad():
        out = model(tunes[:, :-1])
        target = tunes[:, 1:]
        nll = F.cross_entropy(out.reshape(-1, N_NOTES), target.reshape(-1)).item()
        hit = (out.argmax(-1) == target).float().mean().item()
    return math.exp(nll), hit


def main():
    grammar = make_grammar()
    train, held_out = compose(640, grammar), compose(160, grammar)
    model = MelodyModel(N_NOTES)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    for epoch in range(14):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(train)).split(32):
            loss = tune_loss(model, train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        perplexity, hit = evaluate(model, held_out)
        print(f"epoch {epoch + 1:2d}  train nll {total / len(train):.4f}  held-out perplexity {perplexity:.3f}  next-note hit rate {hit:.3f}")

    print(f"RESULT perplexity {perplexity:.4f}")


if __name__ == "__main__":
    main()
