import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

NUM_CLASSES = 10
BATCH_SIZE = 32
EPOCHS = 40
L2 = 0.1

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16.0, dtype=torch.float32)
y = torch.tensor(y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 36)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(36, NUM_CLASSES)
        for lin in (self.hidden, self.out):
            nn.init.xavier_uniform_(lin.weight)
            nn.init.zeros_(lin.bias)

    def forward(self, x):
        return self.out(self.dropout(torch.sigmoid(self.hidden(x))))


model = Classifier()
cross_entropy = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002, alpha=0.9)

for epoch in range(EPOCHS):
    model.train()
    seen = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH_SIZE):
        loss = cross_entropy(model(x_train[idx]), y_train[idx]) + L2 * model.hidden.weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        val_loss = cross_entropy(logits, y_val).item()
        val_acc = (logits.argmax(1) == y_val).float().mean().item()
    if (epoch + 1) % 4 == 0:
        print(f"Epoch {epoch + 1}/{EPOCHS} - loss: {seen / len(x_train):.4f} - val_loss: {val_loss:.4f} - val_accuracy: {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")
