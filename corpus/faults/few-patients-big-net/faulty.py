import os
import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = load_diabetes(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, train_size=150, random_state=seed)
sx = StandardScaler().fit(X_train)
X_train = torch.tensor(sx.transform(X_train), dtype=torch.float32)
X_val = torch.tensor(sx.transform(X_val), dtype=torch.float32)
y_mean, y_std = y_train.mean(), y_train.std()
y_train = torch.tensor((y_train - y_mean) / y_std, dtype=torch.float32).view(-1, 1)
y_val = torch.tensor((y_val - y_mean) / y_std, dtype=torch.float32).view(-1, 1)

HIDDEN, EPOCHS = 256, 250
model = nn.Sequential(nn.Linear(10, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
criterion = nn.MSELoss()
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(len(X_train)).split(15):
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 10
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(X_val), y_val).item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: train {train_loss:.4f} val {val_loss:.4f}")
print(f"RESULT val_mse {val_loss:.4f}")
