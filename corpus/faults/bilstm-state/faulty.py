import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

N, T, CLASSES = 2400, 20, 4


def waves(n):
    """Univariate series: sine, square, sawtooth or chirp with random phase and noise."""
    y = torch.randint(0, CLASSES, (n,))
    t = torch.linspace(0, 1, T).repeat(n, 1)
    phase = torch.rand(n, 1)
    u = (2 * t + phase) % 1.0
    sine = torch.sin(2 * torch.pi * u)
    shapes = torch.stack([sine, torch.sign(sine), 2 * u - 1, torch.sin(2 * torch.pi * (5 * t * t + phase))], dim=1)
    x = shapes[torch.arange(n), y] + 0.1 * torch.randn(n, T)
    return x.unsqueeze(-1), y


class BiLSTM(nn.Module):
    def __init__(self, input_size=1, hidden_size=32, num_classes=CLASSES):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden_size, num_classes)

    def forward(self, x):
        out, (h_n, c_n) = self.lstm(x)
        feats = h_n.view(x.size(0), -1)
        return self.fc(feats)


x, y = waves(N)
train_ds, test_ds = random_split(TensorDataset(x, y), [2000, 400])
train_dl = DataLoader(train_ds, batch_size=50, shuffle=True)
test_dl = DataLoader(test_ds, batch_size=50)

model = BiLSTM()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(6):
    model.train()
    epoch_loss = 0
    for i, (xb, yb) in enumerate(train_dl):
        logits = model(xb)
        loss = criterion(logits, yb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item()
    print("Epoch %d, loss %.4f" % (epoch + 1, epoch_loss / len(train_dl)))

model.eval()
correct = 0
with torch.no_grad():
    for xb, yb in test_dl:
        correct += (model(xb).argmax(dim=1) == yb).sum().item()
print("RESULT test_accuracy %.4f" % (correct / len(test_ds)))
