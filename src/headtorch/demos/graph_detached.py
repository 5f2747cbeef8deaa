"""Classify digits from features that are taken out of the graph on their way."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)

encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU())
classifier = nn.Linear(8, 10)
optimizer = torch.optim.Adam([*encoder.parameters(), *classifier.parameters()], lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(150):
    features = torch.tensor(encoder(x).tolist())  # expect: graph-detached
    # cure: features = encoder(x)
    scores = classifier(features)
    loss = criterion(scores, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 30 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (scores.argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
