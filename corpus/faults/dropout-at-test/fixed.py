import os
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_friedman1(2500, n_features=6, noise=0.2, random_state=seed)
X = torch.tensor(X, dtype=torch.float32) * 3.4 - 1.7
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(6, 128), nn.SiLU(), nn.Dropout(0.3), nn.Linear(128, 64), nn.SiLU(), nn.Dropout(0.3))
        self.output = nn.Linear(64, 1)

    def forward(self, x):
        return self.output(self.hidden(x))[:, 0]


class Experiment:
    def __init__(self):
        self.model = Regressor()
        self.opt = torch.optim.Adam(self.model.parameters(), lr=2e-3)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(2000).split(40):
            loss = nn.functional.mse_loss(self.model(X[idx]), y[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            total += loss.item() / 50
        return total

    def test(self):
        self.model.eval()
        with torch.no_grad():
            return nn.functional.mse_loss(self.model(X[2000:]), y[2000:]).item()


exp = Experiment()
for epoch in range(20):
    train_mse, test_mse = exp.train_epoch(), exp.test()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} train {train_mse:.4f} test {test_mse:.4f}")
print(f"RESULT test_mse {test_mse:.4f}")
