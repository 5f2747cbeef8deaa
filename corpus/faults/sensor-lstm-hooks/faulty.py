import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
np.random.seed(seed)
torch.manual_seed(seed)

T = 16
n_train, n_test = 1200, 300

# each sequence: a damped oscillation seen through noise; what is wanted is its frequency
n = n_train + n_test
freq = np.random.uniform(0.3, 1.5, n)
amp = np.random.uniform(0.8, 1.2, n)
t = np.arange(T)
signal = amp[:, None] * np.cos(freq[:, None] * t) * np.exp(-0.02 * t)
signal = signal + 0.05 * np.random.randn(n, T)

X = torch.tensor(signal, dtype=torch.float32).unsqueeze(-1)
y = torch.tensor(freq, dtype=torch.float32).unsqueeze(-1)
X = (X - X[:n_train].mean()) / X[:n_train].std()
y = (y - y[:n_train].mean()) / y[:n_train].std()
X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]


class FrequencyLSTM(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.linear(h[-1])


model = FrequencyLSTM()
for p in model.parameters():
    p.register_hook(lambda grad: torch.clamp(grad, -1e-4, 1e-4))

criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(25):
    perm = torch.randperm(n_train)
    epoch_loss = 0.0
    for i in range(0, n_train, 40):
        idx = perm[i:i + 40]
        optimizer.zero_grad()
        pred = model(X_train[idx])
        loss = criterion(pred, y_train[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    if (epoch + 1) % 5 == 0:
        print("Epoch", epoch + 1, "loss", round(epoch_loss / n_train, 5))

with torch.no_grad():
    rmse = criterion(model(X_test), y_test).sqrt().item()
print("RESULT test_rmse", round(rmse, 4))
