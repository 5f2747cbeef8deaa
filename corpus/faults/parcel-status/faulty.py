"""Answering 'what happened last to parcel P?' from a list of scan events, with attention over the events."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

N_PARCELS = 30      # numbers in use
N_STATUS = 6
EVENTS = 12
PLACES = 10


def make_lists(n, generator):
    """Each list holds twelve parcels with a place and a status; one of them is asked for."""
    order = torch.rand(n, N_PARCELS, generator=generator).argsort(1)
    parcel = order[:, :EVENTS]
    status = torch.randint(N_STATUS, (n, EVENTS), generator=generator)
    place = torch.randint(PLACES, (n, EVENTS), generator=generator)
    pick = torch.randint(EVENTS, (n, 1), generator=generator)
    return parcel, place, status, parcel.gather(1, pick).squeeze(1), status.gather(1, pick).squeeze(1)


class EventReader(nn.Module):
    def __init__(self, dim=32, dropout=0.5):
        super().__init__()
        self.parcel = nn.Embedding(N_PARCELS, dim)
        self.status = nn.Embedding(N_STATUS, dim)
        self.place = nn.Embedding(PLACES, dim)
        self.value = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.answer = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, N_STATUS))
        self.dropout = dropout

    def forward(self, parcel, place, status, asked):
        key = self.parcel(parcel)
        value = self.value(self.status(status) + 0.3 * self.place(place))
        query = self.parcel(asked).unsqueeze(1)
        read = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout)
        return self.answer(self.norm(read.squeeze(1)))


class Trainer:
    def __init__(self, model, data, lr=3e-3, batch=64):
        self.model, self.data, self.batch = model, data, batch
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-4)

    def epoch(self):
        self.model.train()
        n = len(self.data[0])
        total = 0.0
        for rows in torch.randperm(n).split(self.batch):
            parcel, place, status, asked, target = (t[rows] for t in self.data)
            loss = F.cross_entropy(self.model(parcel, place, status, asked), target)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(rows)
        return total / n

    @torch.no_grad()
    def score(self, data):
        self.model.eval()
        *inputs, target = data
        return (self.model(*inputs).argmax(1) == target).float().mean().item()


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed + 17)
    train_data = make_lists(4000, generator)
    test_data = make_lists(1000, generator)
    trainer = Trainer(EventReader(), train_data)
    for epoch in range(1, 17):
        loss = trainer.epoch()
        if epoch % 4 == 0:
            print(f"epoch {epoch:2d}  loss {loss:.4f}")
    print(f"RESULT test_accuracy {trainer.score(test_data):.4f}")


if __name__ == "__main__":
    main()
