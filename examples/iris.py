"""Tells three species of iris apart by four lengths, with a network of two layers."""

import argparse

import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

data, species = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    data, species, test_size=0.3, stratify=species, random_state=args.seed
)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
batches = DataLoader(TensorDataset(x_train, y_train), batch_size=10, shuffle=True)

model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
loss_function = nn.CrossEntropyLoss()  # applies the softmax itself
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

for epoch in range(1, args.epochs + 1):
    model.train()
    total = 0.0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)

    model.eval()
    with torch.no_grad():
        test_loss = loss_function(model(x_test), y_test).item()
    print(f"epoch {epoch:2}: training loss {total / len(x_train):.4f}, test loss {test_loss:.4f}")

with torch.no_grad():
    probabilities = torch.softmax(model(x_test), dim=1)
accuracy = (probabilities.argmax(dim=1) == y_test).float().mean()
print("first test flower:", ", ".join(f"{p:.1%}" for p in probabilities[0].tolist()))
print(f"test accuracy {accuracy:.2f}")
