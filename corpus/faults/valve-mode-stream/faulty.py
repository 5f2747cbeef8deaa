"""Which mode is the valve in? Control lines are read as endless streams, a piece at a time."""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

MODES, EXTRA = 4, 3
LENGTH, PIECE = 600, 20
EPOCHS = 14


def record_lines(n_lines, rng):
    """A command pulse switches the mode, which then holds until the next pulse."""
    x = 0.1 * rng.standard_normal((n_lines, LENGTH, MODES + EXTRA))
    x[..., MODES:] *= 10
    y = np.zeros((n_lines, LENGTH), dtype=np.int64)
    for line in range(n_lines):
        mode = 0
        for t in range(LENGTH):
            if t == 0 or rng.random() < 1 / 30:
                mode = rng.integers(0, MODES)
                x[line, t, mode] += 1.0
            y[line, t] = mode
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


class ModeReader(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(MODES + EXTRA, hidden, batch_first=True)
        self.head = nn.Linear(hidden, MODES)
        self.memory = None

    def reset(self):
        self.memory = None

    def forward(self, piece):
        out, memory = self.gru(piece, self.memory)
        self.memory = memory.detach()
        return self.head(out)


def sweep(model, x, y, optimizer=None):
    """Reads all lines once, side by side, from their first sample to their last."""
    model.train(optimizer is not None)
    losses, right = [], 0
    for start in range(0, x.size(1), PIECE):
        model.reset()
        piece, modes = x[:, start:start + PIECE], y[:, start:start + PIECE]
        with torch.set_grad_enabled(optimizer is not None):
            scores = model(piece)
            loss = nn.functional.cross_entropy(scores.flatten(0, 1), modes.flatten())
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        losses.append(loss.item())
        right += (scores.argmax(-1) == modes).sum().item()
    return float(np.mean(losses)), right / y.numel()


rng = np.random.default_rng(SEED)
x_train, y_train = record_lines(32, rng)
x_test, y_test = record_lines(16, rng)

model = ModeReader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(1, EPOCHS + 1):
    train_loss, train_acc = sweep(model, x_train, y_train, optimizer)
    test_loss, test_acc = sweep(model, x_test, y_test)
    print(f"epoch {epoch:2d}  train {train_loss:.4f} / {train_acc:.4f}  test {test_loss:.4f} / {test_acc:.4f}")

print(f"RESULT test_accuracy {test_acc:.4f}")
