import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

accumulation_steps = 8
micro_batch = 8

digits = load_digits()
perm = torch.randperm(len(digits.target))
x = torch.tensor(digits.images, dtype=torch.float32)[perm, None] / 16
y = torch.tensor(digits.target)[perm]
training_set = DataLoader(TensorDataset(x[:1408], y[:1408]), batch_size=micro_batch, shuffle=True)
x_test, y_test = x[1408:], y[1408:]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 4 * 4, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(10):
    model.train()
    running = 0.0
    model.zero_grad()
    for i, (inputs, labels) in enumerate(training_set):
        predictions = model(inputs)
        loss = loss_function(predictions, labels)
        running += loss.item()
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            model.zero_grad()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {running / len(training_set):.4f} accuracy {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")
