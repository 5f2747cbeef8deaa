"""Tell malignant tumours from benign ones by one output, with a loss for several."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

measurements, benign = load_breast_cancer(return_X_y=True)
x = torch.tensor(scale(measurements), dtype=torch.float32)
y = torch.tensor(benign, dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()  # expect: loss-target-mismatch
# cure: criterion = nn.BCEWithLogitsLoss()

for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = ((model(x) > 0) == (y > 0.5)).float().mean()
print(f"accuracy {accuracy.item():.3f}")
