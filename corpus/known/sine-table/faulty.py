import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

T = 1000
X = np.arange(T).reshape(-1, 1).astype(np.float32)
Y = np.sin(2 * np.pi * X * 2 / T).astype(np.float32)

X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.2, random_state=SEED)
X_train, X_test = torch.from_numpy(X_train), torch.from_numpy(X_test)
Y_train, Y_test = torch.from_numpy(Y_train), torch.from_numpy(Y_test)

model = nn.Sequential(
    nn.Linear(1, 20), nn.Tanh(),
    nn.Linear(20, 20), nn.Tanh(),
    nn.Linear(20, 20), nn.Tanh(),
    nn.Linear(20, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
mse = nn.MSELoss()

for epoch in range(150):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(X_train)).split(32):
        loss = mse(model(X_train[rows]), Y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    if (epoch + 1) % 15 == 0:
        print(f"Epoch {epoch + 1}/150 - loss: {total / len(X_train):.4f}")

model.eval()
with torch.no_grad():
    fit = model(X_test)
    r2 = 1 - ((Y_test - fit) ** 2).sum() / ((Y_test - Y_test.mean()) ** 2).sum()
print("RESULT test_r2", round(r2.item(), 4))
