import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class ModuleValidator:
    """Makes a network fit for training with per-sample clipping."""

    @staticmethod
    def fix(module):
        module = copy.deepcopy(module)
        for name, child in list(module.named_modules()):
            if isinstance(child, nn.BatchNorm2d):
                parent = module.get_submodule(name.rpartition(".")[0])
                setattr(parent, name.rpartition(".")[2], nn.GroupNorm(4, child.num_features))
        return module


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )


digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
perm = torch.randperm(len(labels))
images, labels = images[perm], labels[perm]
train_loader = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=64, shuffle=True)
test_images, test_labels = images[1400:], labels[1400:]

MAX_GRAD_NORM, NOISE = 1.0, 0.02
model = build_model()
model = ModuleValidator.fix(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(1, 13):
    model.train()
    losses = []
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        for p in model.parameters():
            p.grad += NOISE * MAX_GRAD_NORM / len(data) * torch.randn_like(p)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        acc = (model(test_images).argmax(1) == test_labels).float().mean().item()
    print(f"Train Epoch: {epoch} Loss: {sum(losses) / len(losses):.6f} Test acc: {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
