import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class DropNet(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.drop_in = nn.Dropout(0.2)
        self.l1, self.l2, self.l3 = nn.Linear(64, width), nn.Linear(width, width), nn.Linear(width, 10)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.drop_in(x)
        x = self.drop(torch.relu(self.l1(x)))
        x = self.drop(torch.relu(self.l2(x)))
        return self.l3(x)


d = load_digits()
full = TensorDataset(torch.tensor(d.data / 8 - 1, dtype=torch.float32), torch.tensor(d.target))
train_ds, val_ds = random_split(full, [1400, 397])
train_loader = DataLoader(train_ds, batch_size=50, shuffle=True)
xv, yv = next(iter(DataLoader(val_ds, batch_size=397)))

model = DropNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [15, 22], gamma=0.3)
criterion = nn.CrossEntropyLoss()
for epoch in range(25):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.inference_mode():
        out = model(xv)
        val, acc = criterion(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    if epoch % 4 == 0:
        print(f"{epoch:3d} train {running:.4f} val {val:.4f} acc {acc:.4f}")
print(f"RESULT val_acc {acc:.4f}")
