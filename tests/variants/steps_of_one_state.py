"""Turn sequences around by a decoder that runs once a step."""

import torch
from torch import nn

torch.manual_seed(0)


class Reverser(nn.Module):
    """An encoder's last state, and a decoder that is given each answer in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(8, 16)
        self.encoder = nn.GRU(16, 48, batch_first=True)
        self.decoder = nn.GRU(16, 48, batch_first=True)
        self.out = nn.Linear(48, 8)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The scores of each step, (examples, 8, steps)."""
        _, state = self.encoder(self.embed(source))
        token, scores = torch.zeros_like(source[:, :1]), []
        for step in range(source.shape[1]):
            output, _ = self.decoder(self.embed(token), state)  # expect: hidden-state-misuse
            # cure: output, state = self.decoder(self.embed(token), state)
            scores.append(self.out(output[:, 0]))
            token = target[:, step : step + 1]
        return torch.stack(scores, dim=2)


model = Reverser()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for _ in range(120):
    source = torch.randint(1, 8, (32, 5))
    target = source.flip(1)
    loss = nn.functional.cross_entropy(model(source, target), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
