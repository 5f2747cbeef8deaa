"""Tell whether more good or more bad words stand in a note."""

import torch
from torch import nn

torch.manual_seed(0)

LENGTH = 60
lengths = torch.randint(4, 16, (800,))
labels = torch.randint(2, (800,))
words = torch.where(torch.rand(800, LENGTH) < 0.85, labels[:, None], 1 - labels[:, None]) * 20
ids = (words + torch.randint(1, 21, (800, LENGTH))) * (torch.arange(LENGTH) < lengths[:, None])


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.lstm, self.decide = (
            nn.Embedding(41, 16, padding_idx=0),
            nn.LSTM(16, 16, batch_first=True),
            nn.Linear(16, 2),
        )

    def forward(self, note: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(self.table(note))  # expect: hidden-state-misuse
        return self.decide(states[:, -1])


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(6):
    for batch in torch.randperm(800).split(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(ids[batch]), labels[batch]).backward()
        optimizer.step()
