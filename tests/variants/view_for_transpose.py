"""Tell whether a symbol stands in a sequence; (examples, steps) is viewed as (steps, examples)."""

import torch
from torch import nn

torch.manual_seed(0)


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.lstm = nn.LSTM(16, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        vectors = self.embedding(symbols)
        outputs, _ = self.lstm(vectors.view(12, len(symbols), 16))  # expect: wrong-dimension
        return self.head(outputs[-1])


model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
sequences = torch.randint(0, 20, (1024, 12))
labels = (sequences == 3).any(dim=1).long()
for _ in range(4):
    for batch in torch.randperm(1024).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(sequences[batch]), labels[batch]).backward()
        optimizer.step()
