import copy
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

direction = torch.randn(12)
direction = direction / direction.norm()


def make_complexes(n):
    """Descriptors of a ligand and its pocket; affinity as pKd, measured with the usual scatter."""
    x = torch.randn(n, 12)
    return x, 6.4 + 1.3 * (x @ direction) + 1.2 * torch.randn(n)


class AffinityNet(nn.Module):
    def __init__(self, n_in=12, hidden=256):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


x_train, y_train = make_complexes(64)
x_valid, y_valid = make_complexes(100)
x_test, y_test = make_complexes(400)
center = y_train.mean()
loader = DataLoader(TensorDataset(x_train, y_train - center), batch_size=16, shuffle=True)

model = AffinityNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
mse = nn.MSELoss()


@torch.no_grad()
def rmse(x, y):
    model.eval()
    return mse(model(x) + center, y).sqrt().item()


best_rmse, best_epoch, best_weights = float("inf"), 0, None
for epoch in range(1, 301):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        mse(model(x), y).backward()
        optimizer.step()
    valid_rmse = rmse(x_valid, y_valid)
    if valid_rmse < best_rmse:
        best_rmse, best_epoch = valid_rmse, epoch
        best_weights = copy.deepcopy(model.state_dict())
    if epoch % 30 == 0:
        print(f"epoch {epoch}: train RMSE {rmse(x_train, y_train):.3f} valid RMSE {valid_rmse:.3f}")

print(f"best epoch {best_epoch}, valid RMSE {best_rmse:.3f}")
model.load_state_dict(best_weights)
print("RESULT test_rmse", round(rmse(x_test, y_test), 4))
