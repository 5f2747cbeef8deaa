"""Rebuild three waves from a code, by a decoder that ends in its LSTM."""

import torch
from torch import nn

torch.manual_seed(0)

steps = torch.linspace(0, 6, 12)
phases = 6 * torch.rand(400, 1, 3)
waves = 2.0 * torch.sin(steps[None, :, None] + phases)


class Rebuilder(nn.Module):
    """An encoder's last state, repeated for each step of the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 24, batch_first=True)
        self.decoder = nn.LSTM(24, 3, batch_first=True)  # expect: output-activation-range

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The waves again."""
        _, (state, _) = self.encoder(inputs)
        return self.decoder(state[-1][:, None].expand(-1, inputs.shape[1], -1))[0]


model = Rebuilder()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(8):
    for batch in torch.randperm(400).split(40):
        loss = nn.functional.mse_loss(model(waves[batch]), waves[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
