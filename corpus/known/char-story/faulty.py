import math
import os
import random

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

NEXT = {
    "the": ["old", "small", "king", "miller", "fox"], "old": ["king", "miller", "fox"], "small": ["fox", "king", "river"],
    "king": ["sleeps", "walks", "asks"], "miller": ["works", "walks", "asks"], "fox": ["sleeps", "runs", "hides"],
    "sleeps": ["near", "."], "walks": ["near", "along"], "runs": ["along", "."], "hides": ["near", "."], "works": ["near", "."],
    "asks": ["the"], "near": ["the"], "along": ["the"], "river": ["sleeps", "runs"], ".": ["the"],
}


def tell(n_chars):
    word, out = "the", []
    while sum(len(w) + 1 for w in out) < n_chars:
        out.append(word)
        word = random.choice(NEXT[word])
    return " ".join(out)[:n_chars]


def load_corpus(n_chars=6000):
    text = tell(n_chars)
    idx_to_char = sorted(set(text))
    char_to_idx = {c: i for i, c in enumerate(idx_to_char)}
    return torch.tensor([char_to_idx[c] for c in text]), len(idx_to_char)


def data_iter_consecutive(indices, batch_size, num_steps):
    columns = len(indices) // batch_size
    table = indices[:batch_size * columns].view(batch_size, columns)
    for start in range(0, columns - num_steps, num_steps):
        yield table[:, start:start + num_steps], table[:, start + 1:start + num_steps + 1]


class RNNModel(nn.Module):
    def __init__(self, vocab_size, num_hiddens):
        super().__init__()
        self.vocab_size = vocab_size
        self.rnn = nn.RNN(vocab_size, num_hiddens)
        self.dense = nn.Linear(num_hiddens, vocab_size)

    def forward(self, inputs, state):
        x = nn.functional.one_hot(inputs.t(), self.vocab_size).float()
        y, state = self.rnn(x, state)
        return self.dense(y), state


def grad_clipping(params, theta):
    norm = torch.zeros(1)
    for param in params:
        norm += (param.grad ** 2).sum()
    norm = norm.sqrt().item()
    if norm > theta:
        for param in params:
            param.grad *= theta / norm


@torch.no_grad()
def bits_per_char(model, indices):
    model.eval()
    logits, _ = model(indices[:-1].unsqueeze(0), None)
    return nn.functional.cross_entropy(logits.squeeze(1), indices[1:]).item() / math.log(2)


def train_and_predict_rnn(model, train, held_out, num_epochs, num_steps, lr, clipping_theta, batch_size):
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(1, num_epochs + 1):
        model.train()
        state, total, n = None, 0.0, 0
        for x, y in data_iter_consecutive(train, batch_size, num_steps):
            if state is not None:
                state = state.detach()
            output, state = model(x, state)
            loss = loss_fn(output.flatten(0, 1), y.t().flatten())
            optimizer.zero_grad()
            loss.backward()
            grad_clipping(model.parameters(), clipping_theta)
            optimizer.step()
            total += loss.item() * y.numel()
            n += y.numel()
        if epoch % 5 == 0:
            print(f"epoch {epoch}, {total / n / math.log(2):.3f} bits per char, held out {bits_per_char(model, held_out):.3f}")


corpus, vocab_size = load_corpus()
train, held_out = corpus[:5000], corpus[5000:]
model = RNNModel(vocab_size, num_hiddens=64)
train_and_predict_rnn(model, train, held_out, num_epochs=35, num_steps=20, lr=20.0, clipping_theta=1e-2, batch_size=16)
print(f"RESULT bits_per_char {bits_per_char(model, held_out):.4f}")
