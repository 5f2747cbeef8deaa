import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import average_precision_score

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

HP = dict(lr=0.05, momentum=0.9, batch=32, epochs=10, clip_factor=0.1, clip_eps=1e-2, weight_decay=1e-5)
TAGS = ["tone", "rise", "fall", "clicks", "hiss"]
MELS, FRAMES = 16, 32


def draw(tag, canvas):
    loud = rng.uniform(1.0, 1.8)
    if tag == "tone":
        row, start = rng.integers(0, MELS), rng.integers(0, FRAMES - 14)
        canvas[row, start:start + 14] += loud
    elif tag == "rise":
        row, start = rng.integers(0, 6), rng.integers(0, FRAMES - 10)
        canvas[row + np.arange(10), start + np.arange(10)] += loud
    elif tag == "fall":
        row, start = rng.integers(10, MELS), rng.integers(0, FRAMES - 10)
        canvas[row - np.arange(10), start + np.arange(10)] += loud
    elif tag == "clicks":
        start = rng.integers(0, FRAMES - 8)
        canvas[:, [start, start + 3, start + 6]] += 0.7 * loud
    else:
        row, start = rng.integers(0, MELS - 4), rng.integers(0, FRAMES - 10)
        canvas[row:row + 4, start:start + 10] += loud * rng.random((4, 10))


def clips(n):
    x = 0.3 * rng.standard_normal((n, 1, MELS, FRAMES))
    y = (rng.random((n, len(TAGS))) < 0.4).astype(np.float32)
    for i in range(n):
        for k, tag in enumerate(TAGS):
            if y[i, k]:
                draw(tag, x[i, 0])
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


def unit_norm(t):
    """Norm of each output unit's weights; of each element for biases and gains."""
    if t.dim() <= 1:
        return t.abs()
    return t.flatten(1).norm(dim=1).view(-1, *[1] * (t.dim() - 1))


def adaptive_clip_(parameters, factor, eps):
    """Adaptive gradient clipping (Brock et al. 2021): limits gradient norm relative to weight norm."""
    for p in parameters:
        if p.grad is None:
            continue
        limit = factor * unit_norm(p.detach()).clamp(min=eps)
        norm = unit_norm(p.grad).clamp(min=1e-6)
        p.grad.mul_((limit / norm).clamp(max=1.0))


x_train, y_train = clips(1280)
x_test, y_test = clips(400)
centre, scale = x_train.mean(), x_train.std()
x_train, x_test = (x_train - centre) / scale, (x_test - centre) / scale

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, len(TAGS)),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=HP["lr"], momentum=HP["momentum"], nesterov=True,
                            weight_decay=HP["weight_decay"])

for epoch in range(HP["epochs"]):
    model.train()
    losses = []
    for rows in torch.randperm(len(x_train)).split(HP["batch"]):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows]), y_train[rows])
        loss.backward()
        adaptive_clip_(model.parameters(), HP["clip_factor"], HP["clip_eps"])
        optimizer.step()
        losses.append(loss.item())

    model.eval()
    with torch.no_grad():
        probability = torch.sigmoid(model(x_test)).numpy()
    per_tag = [average_precision_score(y_test[:, k].numpy(), probability[:, k]) for k in range(len(TAGS))]
    text = " ".join(f"{tag} {ap:.2f}" for tag, ap in zip(TAGS, per_tag))
    print(f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f} mAP {np.mean(per_tag):.4f} ({text})")

print(f"RESULT mean_average_precision {np.mean(per_tag):.4f}")
