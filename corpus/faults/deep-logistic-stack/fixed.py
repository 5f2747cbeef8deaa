import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16 - 0.5, y, test_size=0.2, random_state=seed)
X_train, X_val = (torch.tensor(a, dtype=torch.float32) for a in (X_train, X_val))
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class DeepNet(nn.Module):
    def __init__(self, depth=7, width=40):
        super().__init__()
        self.inp = nn.Linear(64, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.out = nn.Linear(width, 10)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x):
        x = self.act(self.inp(x))
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)


model = DeepNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(20):
    model.train()
    epoch_loss = 0.0
    for sel in torch.randperm(len(X_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(X_train[sel]), y_train[sel])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(sel)
    model.eval()
    with torch.no_grad():
        val_acc = (model(X_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1:2d}/20, loss = {epoch_loss / len(X_train):.4f}, val acc = {val_acc:.4f}")
print(f"RESULT val_acc {val_acc:.4f}")
