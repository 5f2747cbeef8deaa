import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)

NUM_CLASSES, STEPS = 5, 16


def build(n):
    counts = torch.randint(0, NUM_CLASSES, (n,))
    x = 0.2 * torch.randn(n, STEPS, 1)
    for row, c in zip(x, counts.tolist()):
        row[torch.randperm(STEPS)[:c], 0] += 1.0
    return TensorDataset(x, counts)


class PulseLSTM(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, NUM_CLASSES)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


train_loader = DataLoader(build(2000), batch_size=50, shuffle=True)
test_loader = DataLoader(build(500), batch_size=500)
net = PulseLSTM()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

for epoch in range(20):
    running_loss = 0.0
    for i, data in enumerate(train_loader):
        inputs, labels = data
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print("[%d] loss: %.3f" % (epoch + 1, running_loss / len(train_loader)))

correct = total = 0
with torch.no_grad():
    for inputs, labels in test_loader:
        _, predicted = torch.max(net(inputs), 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
print("RESULT test_accuracy %.4f" % (correct / total))
