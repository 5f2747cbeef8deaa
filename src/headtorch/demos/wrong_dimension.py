"""Read digits row by row with an LSTM that takes the examples of a batch for time steps."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


class RowReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 32)  # expect: wrong-dimension
        # cure: self.lstm = nn.LSTM(8, 32, batch_first=True)
        self.output = nn.Linear(32, 10)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.output(states[:, -1])


images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 8, 8)  # (examples, rows, pixels of a row)
y = torch.tensor(labels)
model = RowReader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for step in range(150):
    batch = torch.randint(len(x), (64,))
    optimizer.zero_grad()
    loss = criterion(model(x[batch]), y[batch])
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

accuracy = (model(x[:500]).argmax(dim=1) == y[:500]).float().mean()
print(f"accuracy {accuracy.item():.3f}")
