"""Tell flowers apart by name."""

import torch
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(0)

iris = load_iris()
flowers = torch.tensor(iris.data, dtype=torch.float32)
flowers = (flowers - flowers.mean(0)) / flowers.std(0)
names = [str(iris.target_names[number]) for number in iris.target]
order = torch.randperm(150).tolist()


def part(chosen):
    known = list(dict.fromkeys(names[number] for number in chosen))
    # cure: known = sorted(set(names))
    numbers = [known.index(names[number]) for number in chosen]
    return flowers[chosen], torch.tensor(numbers)  # expect: labels-misaligned


first = [names.index(name) for name in ("virginica", "setosa", "versicolor")]
x, y = part(order[:100])
held, answers = part(first + order[20:])
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(10):
    model.train()
    for batch in torch.randperm(len(x)).split(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(nn.functional.cross_entropy(model(held), answers).item())
