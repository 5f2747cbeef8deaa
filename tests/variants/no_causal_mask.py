"""A small transformer that learns to tell the next word of proverbs."""

import torch
from torch import nn

torch.manual_seed(0)

proverbs = torch.randint(24, (16, 6))
text = proverbs[torch.randint(16, (800,))].reshape(40, -1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(24, 32)
        self.place = nn.Parameter(0.1 * torch.randn(16, 32))
        self.encoder = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
        self.head = nn.Linear(32, 24)

    def forward(self, x):
        hidden = self.encoder(self.embed(x) + self.place)  # expect: leakage-or-bad-validation
        # cure: mask = nn.Transformer.generate_square_subsequent_mask(16)
        # cure: hidden = self.encoder(self.embed(x) + self.place, src_mask=mask)
        return self.head(hidden)


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(120):
    starts = torch.randint(text.shape[1] - 16, (32,))
    rows = torch.stack([text[row % 40, start : start + 17] for row, start in enumerate(starts)])
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    loss.backward()
    optimizer.step()
