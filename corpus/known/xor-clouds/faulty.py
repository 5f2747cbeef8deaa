import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class XORDataset(Dataset):
    """Points scattered around the corners of the unit square, labelled with XOR."""

    def __init__(self, size, std=0.15):
        corners = torch.randint(0, 2, (size, 2))
        self.data = corners.float() + std * torch.randn(size, 2)
        self.label = (corners[:, 0] ^ corners[:, 1]).float().unsqueeze(1)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        return self.data[idx], self.label[idx]


class SimpleClassifier(nn.Module):
    def __init__(self, num_inputs, num_hidden, num_outputs):
        super().__init__()
        self.linear1 = nn.Linear(num_inputs, num_hidden)
        self.act_fn = nn.Tanh()
        self.linear2 = nn.Linear(num_hidden, num_outputs)

    def forward(self, x):
        x = self.act_fn(self.linear1(x))
        return torch.sigmoid(self.linear2(x))


def eval_model(model, data_loader):
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, labels in data_loader:
            outputs = model(inputs)
            _, predicted = torch.max(outputs, 1)
            correct += (predicted == labels.squeeze(1)).sum().item()
            total += labels.size(0)
    return correct / total


train_loader = DataLoader(XORDataset(640), batch_size=32, shuffle=True)
test_loader = DataLoader(XORDataset(400), batch_size=100)

model = SimpleClassifier(num_inputs=2, num_hidden=16, num_outputs=1)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(80):
    model.train()
    running_loss = 0.0
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1}: loss {running_loss / len(train_loader):.4f} "
              f"accuracy {100 * eval_model(model, test_loader):.1f} %")

print(f"RESULT test_accuracy {eval_model(model, test_loader):.4f}")
