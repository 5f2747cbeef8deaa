import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_wine

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
np.random.seed(seed)

frame = load_wine(as_frame=True).frame.sample(frac=1.0, random_state=seed).reset_index(drop=True)
features = [c for c in frame.columns if c != "target"]
cut = 120
frame[features] = (frame[features] - frame[features][:cut].mean()) / frame[features][:cut].std()
as_x = lambda f: torch.tensor(f[features].to_numpy(), dtype=torch.float32)
as_y = lambda f: torch.tensor(f["target"].to_numpy())
x_train, y_train = as_x(frame[:cut]), as_y(frame[:cut])
x_test, y_test = as_x(frame[cut:]), as_y(frame[cut:])


class WineNet(nn.Module):
    def __init__(self, n_hidden=12):
        super().__init__()
        self.hidden = nn.Linear(13, n_hidden)
        self.output = nn.Linear(n_hidden, 3)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x):
        return self.softmax(self.output(torch.tanh(self.hidden(x))))


net = WineNet()
nll = nn.NLLLoss()
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3, weight_decay=1e-3)
history = []
for step in range(300):
    probs = net(x_train)
    loss = nll(torch.log(probs + 1e-8), y_train)
    opt.zero_grad()
    loss.backward()
    opt.step()
    history.append(loss.item())
    if step % 50 == 0:
        hits = (probs.argmax(1) == y_train).float().mean().item()
        print(f"{step:4d} loss={loss.item():.4f} train_acc={hits:.3f}")

with torch.no_grad():
    acc = (net(x_test).argmax(1) == y_test).float().mean().item()
print(pd.Series(history[::60]).round(3).tolist())
print("RESULT test_accuracy", round(acc, 4))
