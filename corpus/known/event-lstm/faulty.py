"""Mark the moments at which an event happens in a sensor series."""
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
SEQ_LEN = 50
PATTERN = torch.tensor([0.8, 1.3, 1.6])


def recordings(n):
    signal = torch.randn(n, SEQ_LEN)
    target = torch.zeros(n, SEQ_LEN)
    for i in range(n):
        if torch.rand(1).item() < 0.5:
            t = int(torch.randint(2, SEQ_LEN, (1,)))
            signal[i, t - 2:t + 1] += PATTERN
            target[i, t] = 1.0
    return signal.unsqueeze(-1), target


class EventNet(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out).squeeze(-1)


x_train, y_train = recordings(2000)
x_val, y_val = recordings(1000)

model = EventNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(12):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        found = model(x_val) > 0
    event = y_val > 0.5
    accuracy = (found == event).float().mean().item()
    recall = found[event].float().mean().item()
    specificity = (~found[~event]).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {total / len(x_train):.4f} accuracy {accuracy:.4f} recall {recall:.3f}")

print(f"RESULT balanced_accuracy {(recall + specificity) / 2:.4f}")
