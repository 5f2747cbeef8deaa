import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def load_survey(n=2400):
    answers = pd.DataFrame(rng.normal(size=(n, 6)), columns=["age", "hours", "sleep", "coffee", "noise", "team"])
    stress = answers.hours * 0.9 - answers.sleep * 0.8 + answers.noise * answers.team * 0.6 + 0.3 * rng.normal(size=n)
    answers["stress"] = (stress - stress.mean()) / stress.std()
    answers.loc[rng.random(n) < 0.01, "coffee"] = np.nan
    return answers


class Survey(Dataset):
    def __init__(self, frame):
        self.x = frame.drop(columns="stress").to_numpy(dtype="float32")
        self.y = frame["stress"].to_numpy(dtype="float32")

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


frame = load_survey()
frame = frame.fillna(frame.mean())
train_ds, test_ds = Survey(frame[:2000]), Survey(frame[2000:])
model = nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 20), nn.Tanh(), nn.Linear(20, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
for epoch in range(20):
    batch_losses = []
    for x, y in DataLoader(train_ds, batch_size=25, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(x), y.unsqueeze(-1))
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    if epoch % 2 == 0:
        print("epoch", epoch, "loss", np.mean(batch_losses))

with torch.no_grad():
    pred = model(torch.from_numpy(test_ds.x)).squeeze(-1)
    mse = ((pred - torch.from_numpy(test_ds.y)) ** 2).mean().item()
print(f"RESULT test_mse {mse:.4f}")
