"""Next room of a museum visitor, from the last four rooms: a mixture of softmaxes (Yang et al., 2018)."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

ROOMS, LENGTH, CONTEXT = 12, 25, 4


def walks(n, star_route, rng):
    """Visitors go clockwise, counter-clockwise, or along the route of the famous pieces; now and then they stray."""
    kind = rng.integers(0, 3, n)
    room = rng.integers(0, ROOMS, n)
    path = [room]
    for _ in range(LENGTH - 1):
        choice = np.stack([(room + 1) % ROOMS, (room - 1) % ROOMS, star_route[room]])
        follows = rng.random(n) < 0.85
        room = np.where(follows, choice[kind, np.arange(n)], rng.integers(0, ROOMS, n))
        path.append(room)
    return np.stack(path, axis=1)


def windows(paths):
    w = np.lib.stride_tricks.sliding_window_view(paths, CONTEXT + 1, axis=1).reshape(-1, CONTEXT + 1)
    w = torch.tensor(w.copy(), dtype=torch.long)
    return w[:, :CONTEXT], w[:, CONTEXT]


class MixtureOfSoftmaxes(nn.Module):
    def __init__(self, hidden, n_components, d_latent, n_out):
        super().__init__()
        self.k, self.d = n_components, d_latent
        self.prior = nn.Linear(hidden, n_components)
        self.latent = nn.Linear(hidden, n_components * d_latent)
        self.decoder = nn.Linear(d_latent, n_out)

    def forward(self, h):
        prior = torch.softmax(self.prior(h), dim=-1)
        latent = torch.tanh(self.latent(h)).view(-1, self.k, self.d)
        each = torch.softmax(self.decoder(latent), dim=-1)
        prob = torch.einsum("bk,bkv->bv", prior, each)
        return prob.add(1e-8).log()


class NextRoom(nn.Module):
    def __init__(self, d_emb=12, hidden=96, n_components=3, d_latent=24):
        super().__init__()
        self.embed = nn.Embedding(ROOMS, d_emb)
        self.encoder = nn.Sequential(nn.Linear(CONTEXT * d_emb, hidden), nn.ReLU())
        self.head = MixtureOfSoftmaxes(hidden, n_components, d_latent, ROOMS)

    def forward(self, rooms):
        return self.head(self.encoder(self.embed(rooms).flatten(1)))


class Trainer:
    def __init__(self, model, lr=3e-3, batch_size=128):
        self.model, self.batch_size = model, batch_size
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        # the head hands out log-probabilities; the softmax inside cross entropy leaves those as they are
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.batch_size):
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x[idx]), y[idx])
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        log_prob = self.model(x)
        return self.criterion(log_prob, y).item(), (log_prob.argmax(1) == y).float().mean().item()

    def fit(self, train, valid, epochs):
        for epoch in range(1, epochs + 1):
            loss = self.train_epoch(*train)
            val_loss, val_acc = self.evaluate(*valid)
            print(f"epoch {epoch}: train nll {loss:.4f}  valid nll {val_loss:.4f}  valid top-1 {val_acc:.4f}")


if __name__ == "__main__":
    rng = np.random.default_rng(SEED)
    order = rng.permutation(ROOMS)
    star_route = np.empty(ROOMS, dtype=np.int64)
    star_route[order] = np.roll(order, -1)

    train = windows(walks(800, star_route, rng))
    valid = windows(walks(100, star_route, rng))
    test = windows(walks(150, star_route, rng))
    common = torch.bincount(train[1], minlength=ROOMS).argmax()
    print(f"{len(train[1])} windows; always the commonest room: {(test[1] == common).float().mean().item():.3f}")

    trainer = Trainer(NextRoom())
    trainer.fit(train, valid, epochs=10)
    nll, acc = trainer.evaluate(*test)
    print(f"test perplexity {np.exp(nll):.3f}")
    print("RESULT test_accuracy", round(acc, 4))
