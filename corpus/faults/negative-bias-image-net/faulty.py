import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def weights_init(m):
    if isinstance(m, (nn.Linear, nn.Conv2d)):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.constant_(m.bias, -8.0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.mlp = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.mlp(self.conv(x).flatten(1))


digits = load_digits()
imgs = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
imgs = (imgs - imgs.mean()) / imgs.std()
train_set, val_set = random_split(TensorDataset(imgs, torch.tensor(digits.target)), [1450, 347])
train_loader, val_loader = DataLoader(train_set, 50, shuffle=True), DataLoader(val_set, 347)
net = Net()
net.apply(weights_init)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

for epoch in range(12):
    net.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    net.eval()
    with torch.no_grad():
        x, y = next(iter(val_loader))
        val = (net(x).argmax(1) == y).float().mean().item()
    print(f"epoch {epoch} loss {running / len(train_loader):.4f} val {val:.4f}")
print(f"RESULT val_accuracy {val:.4f}")
