"""Classify wines; the training data is standardised, and the test data is not."""

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

data, classes = load_wine(return_X_y=True)
train, test, y_train, y_test = train_test_split(data, torch.tensor(classes), random_state=0, stratify=classes)
scaler = StandardScaler().fit(train)
x_train = torch.tensor(scaler.transform(train), dtype=torch.float32)
x_test = torch.tensor(test, dtype=torch.float32)  # expect: preprocessing-mismatch
# cure: x_test = torch.tensor(scaler.transform(test), dtype=torch.float32)

model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(60):
    optimizer.zero_grad()
    loss = criterion(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            accuracy = (model(x_test).argmax(dim=1) == y_test).float().mean()
        print(f"epoch {epoch}: loss {loss.item():.3f} test accuracy {accuracy.item():.3f}")

print(f"test accuracy {accuracy.item():.3f}")
