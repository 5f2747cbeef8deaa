"""Tell rising from falling traces of different lengths, the longest first."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

torch.manual_seed(0)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, traces, lengths):
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(traces[order], lengths, batch_first=True)
        _, state = self.gru(packed)
        scores = self.head(state[-1])
        return scores[order]  # expect: labels-misaligned
        # cure: return scores[order.argsort()]


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(150):
    lengths = torch.randint(4, 12, (32,))
    rising = torch.randint(2, (32,))
    traces = torch.linspace(-1, 1, 12).repeat(32, 1) * (2 * rising[:, None] - 1)
    loss = nn.functional.cross_entropy(model(traces[:, :, None], lengths), rising)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
