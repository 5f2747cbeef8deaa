"""Predominant complaint of a hospital stay from its log of events at irregular times."""
import os

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

N_GROUPS = 5
DISCHARGE = N_GROUPS  # every stay ends with this event
STEPS = 20


def make_stays(n, gen):
    group = torch.randint(0, N_GROUPS, (n,), generator=gen)
    probs = torch.full((n, N_GROUPS), 0.135)
    probs[torch.arange(n), group] = 1 - 0.135 * (N_GROUPS - 1)
    events = torch.multinomial(probs, STEPS - 1, replacement=True, generator=gen)
    events = torch.cat([events, torch.full((n, 1), DISCHARGE)], dim=1)
    gaps = -6.0 * torch.log(torch.rand(n, STEPS, generator=gen).clamp(min=1e-6))  # minutes
    return events, gaps, group


class DecayGRU(nn.Module):
    """GRU whose state fades between two events."""

    def __init__(self, n_events, emb=12, hidden=32, n_out=N_GROUPS, time_constant=1.0):
        super().__init__()
        self.time_constant = time_constant
        self.embed = nn.Embedding(n_events, emb)
        self.cell = nn.GRUCell(emb, hidden)
        self.head = nn.Linear(hidden, n_out)

    def forward(self, events, gaps):
        x = self.embed(events)
        keep = torch.exp(-gaps / self.time_constant)
        h = x.new_zeros(x.shape[0], self.cell.hidden_size)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h * keep[:, t:t + 1])
        return self.head(h)


def batches(size, *tensors):
    order = torch.randperm(len(tensors[0]))
    for idx in order.split(size):
        yield [t[idx] for t in tensors]


def run_epoch(model, data, optimizer, batch_size=64):
    model.train()
    loss_sum, seen = 0.0, 0
    for events, gaps, group in batches(batch_size, *data):
        loss = nn.functional.cross_entropy(model(events, gaps), group)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss_sum += loss.item() * len(group)
        seen += len(group)
    return loss_sum / seen


@torch.no_grad()
def accuracy(model, data):
    model.eval()
    events, gaps, group = data
    return (model(events, gaps).argmax(1) == group).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(SEED)
    gen = torch.Generator().manual_seed(SEED)
    train, test = make_stays(1800, gen), make_stays(600, gen)

    model = DecayGRU(N_GROUPS + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(14):
        loss = run_epoch(model, train, optimizer)
        print(f"epoch {epoch:2d}  loss {loss:.4f}  test accuracy {accuracy(model, test):.4f}")
    print(f"RESULT test_accuracy {accuracy(model, test):.4f}")
