"""Tell which of two symbols stands first."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randint(2, 12, (768, 10))
y = torch.randint(0, 2, (768,))
early, late = torch.rand(768, 10).topk(2).indices.sort(dim=1).values.T
x[torch.arange(768), early], x[torch.arange(768), late] = y, 1 - y


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.symbols, self.places = nn.Embedding(12, 32), nn.Embedding(64, 32)
        self.encoder = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        place = torch.arange(x.size(0)).unsqueeze(1)  # expect: wrong-dimension
        # cure: place = torch.arange(x.size(1)).unsqueeze(0)
        return self.head(self.encoder(self.symbols(x) + self.places(place)).mean(dim=1))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(8):
    for batch in torch.randperm(768).split(64):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
