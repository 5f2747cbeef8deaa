"""Read digits row by row with a GRU that keeps its state from one shuffled batch to the next."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

images, digits = load_digits(return_X_y=True)
x = torch.tensor(images.reshape(-1, 8, 8) / 16, dtype=torch.float32)
y = torch.tensor(digits)
batches = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=60, shuffle=True)


class RowReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 32, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, rows, state=None):
        out, state = self.rnn(rows, state)
        return self.head(out[:, -1]), state.detach()


model = RowReader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
criterion = nn.CrossEntropyLoss()

state = None
for _ in range(12):
    for rows, labels in batches:
        logits, state = model(rows, state)  # expect: hidden-state-misuse
        # cure: logits, _ = model(rows)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    accuracy = (model(x[1200:])[0].argmax(1) == y[1200:]).float().mean()
print(f"accuracy {accuracy.item():.3f}")
