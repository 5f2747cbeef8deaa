"""Find the 3 % of examples that matter, with a loss that weighs every example alike."""

import torch
from sklearn.datasets import make_classification
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, classes = make_classification(2000, 8, weights=[0.97], class_sep=0.7, flip_y=0, random_state=0)
x = torch.tensor(features, dtype=torch.float32)
y = torch.tensor(classes)

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.CrossEntropyLoss()  # expect: class-imbalance
# cure: criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.03, 0.97]))

for epoch in range(200):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 40 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

recall = (model(x).argmax(dim=1) == 1)[y == 1].float().mean()
print(f"recall of the rare class {recall.item():.3f}")
