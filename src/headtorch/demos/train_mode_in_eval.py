"""Classify digits; the test runs with dropout still on."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels), random_state=0
)

model = nn.Sequential(
    nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.CrossEntropyLoss()

for epoch in range(120):
    model.train()
    optimizer.zero_grad()
    loss = criterion(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        with torch.no_grad():  # expect: train-mode-in-eval
            # cure: model.eval()
            # cure: with torch.no_grad():
            scores = model(x_test)
        accuracy = (scores.argmax(dim=1) == y_test).float().mean()
        print(f"epoch {epoch}: loss {loss.item():.3f} test accuracy {accuracy.item():.3f}")

print(f"test accuracy {accuracy.item():.3f}")
