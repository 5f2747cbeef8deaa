"""Classify wines; the check after each epoch switches to eval mode, and nothing switches back."""

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

data, classes = load_wine(return_X_y=True)
parts = train_test_split(data, classes, test_size=0.3, random_state=0, stratify=classes)
x_train, x_test = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
y_train, y_test = (torch.tensor(part) for part in parts[2:])

model = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()


def accuracy():
    model.eval()  # expect: eval-mode-in-training
    with torch.no_grad():
        return (model(x_test).argmax(dim=1) == y_test).float().mean().item()


print(f"untrained: accuracy {accuracy():.3f}")
for epoch in range(30):
    batches = torch.randperm(len(x_train)).split(32)
    # cure: batches = torch.randperm(len(x_train)).split(32)
    # cure: model.train()
    for batch in batches:
        optimizer.zero_grad()
        loss = criterion(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {accuracy():.3f}")

print(f"accuracy {accuracy():.3f}")
