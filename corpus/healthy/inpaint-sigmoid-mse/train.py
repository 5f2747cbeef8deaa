import os
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)

pics = load_digits().data / 16.0
train, val = train_test_split(pics, test_size=0.25, random_state=SEED)
train = torch.tensor(train, dtype=torch.float32)
val = torch.tensor(val, dtype=torch.float32)
upper_mean = train[:, :32].mean(0)


class Inpainter(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(32, 96), nn.LeakyReLU(), nn.Dropout(0.1),
            nn.Linear(96, 96), nn.LeakyReLU(),
            nn.Linear(96, 32), nn.Sigmoid())

    def forward(self, top):
        return self.layers((top - upper_mean) * 2)


model = Inpainter()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
best, wait, best_state = float("inf"), 0, None
for epoch in range(80):
    model.train()
    for idx in torch.randperm(len(train)).split(32):
        batch = train[idx]
        optimizer.zero_grad()
        loss = loss_fn(model(batch[:, :32]), batch[:, 32:])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = loss_fn(model(val[:, :32]), val[:, 32:]).item()
    if epoch % 10 == 0:
        print(f"epoch {epoch:02d} train {loss.item():.5f} val {val_loss:.5f}")
    if val_loss < best - 1e-5:
        best, wait = val_loss, 0
        best_state = {k: v.clone() for k, v in model.state_dict().items()}
    else:
        wait += 1
        if wait == 8:
            print("stopping at epoch", epoch)
            break

model.load_state_dict(best_state)
base = loss_fn(train[:, 32:].mean(0).expand(len(val), 32), val[:, 32:]).item()
print(f"RESULT skill {1 - best / base:.4f}")
