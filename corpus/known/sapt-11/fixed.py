"""Adapt a trained classifier to turned digits with low-rank adapters on a frozen base."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class LoRALayer(nn.Module):
    def __init__(self, in_features, out_features, r=8, lora_alpha=16):
        super().__init__()
        self.scaling = lora_alpha / r
        self.lora_A = nn.Parameter(torch.randn((in_features, r)) / in_features ** 0.5, requires_grad=True)
        self.lora_B = nn.Parameter(torch.zeros((r, out_features)), requires_grad=True)

    def forward(self, x):
        return (x @ self.lora_A @ self.lora_B) * self.scaling


class AdaptedLinear(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.base = nn.Linear(in_features, out_features)
        self.lora = LoRALayer(in_features, out_features)
        self.use_lora = False

    def forward(self, x):
        out = self.base(x)
        return out + self.lora(x) if self.use_lora else out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([AdaptedLinear(64, 128), AdaptedLinear(128, 128), AdaptedLinear(128, 10)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def fit(model, params, x, y, steps, lr, name):
    optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=0.01)
    model.train()
    for step in range(1, steps + 1):
        ids = torch.randint(0, len(x), (64,))
        loss = F.cross_entropy(model(x[ids]), y[ids])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"{name} step {step}: loss {loss.item():.4f}")


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32)
images = (images - images.mean()) / images.std()
labels = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.25, random_state=SEED)

model = Net()
base = [p for n, p in model.named_parameters() if "lora" not in n]
fit(model, base, x_train.flatten(1), y_train, 400, 2e-3, "task 1")
print(f"task 1 accuracy {accuracy(model, x_test.flatten(1), y_test):.4f}")

for name, param in model.named_parameters():
    param.requires_grad_("lora" in name)
for layer in model.layers:
    layer.use_lora = True
turned_train = torch.rot90(x_train, 1, (1, 2)).flatten(1)
turned_test = torch.rot90(x_test, 1, (1, 2)).flatten(1)
print(f"task 2 accuracy before {accuracy(model, turned_test, y_test):.4f}")
adapters = [p for p in model.parameters() if p.requires_grad]
fit(model, adapters, turned_train, y_train, 800, 2e-3, "task 2")
print("RESULT task2_accuracy", round(accuracy(model, turned_test, y_test), 4))
