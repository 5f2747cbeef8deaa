import os

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

data, target = load_digits(return_X_y=True)
data = torch.tensor(data / 16.0, dtype=torch.float32)
target = torch.tensor(target)
x_train, x_test, y_train, y_test = train_test_split(data, target, test_size=0.25, random_state=SEED)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=128)

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU}
OPTIMIZERS = {"adam": optim.Adam, "rmsprop": optim.RMSprop}


class CustomModel:
    def __init__(self, build_info):
        previous_units = 64
        self.model = nn.Sequential()
        for i, layer_info in enumerate(build_info["layers"]):
            units = layer_info["nb_units"]["val"]
            self.model.add_module(f"fc_{i}", nn.Linear(previous_units, units))
            self.model.add_module(f"dropout_{i}", nn.Dropout(p=layer_info["dropout_rate"]["val"]))
            self.model.add_module(f"act_{i}", ACTIVATIONS[layer_info["activation"]["val"]]())
            previous_units = units
        self.model.add_module("classification_layer", nn.Linear(previous_units, 10))
        self.model.add_module("softmax", nn.LogSoftmax(dim=1))
        self.optimizer = OPTIMIZERS[build_info["optimizer"]["val"]](
            self.model.parameters(),
            lr=build_info["weight_decay"]["val"],
            weight_decay=build_info["weight_decay"]["val"],
        )

    def train(self, loader):
        self.model.train()
        total = 0.0
        for x, y in loader:
            self.optimizer.zero_grad()
            loss = F.nll_loss(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)

    def test(self, loader):
        self.model.eval()
        correct = 0
        with torch.no_grad():
            for x, y in loader:
                correct += (self.model(x).argmax(1) == y).sum().item()
        return correct / len(loader.dataset)


build_info = {
    "layers": [
        {"nb_units": {"val": 96}, "activation": {"val": "relu"}, "dropout_rate": {"val": 0.2}},
        {"nb_units": {"val": 48}, "activation": {"val": "relu"}, "dropout_rate": {"val": 0.1}},
    ],
    "optimizer": {"val": "adam"},
    "learning_rate": {"val": 2e-3},
    "weight_decay": {"val": 1e-5},
}

individual = CustomModel(build_info)
for generation in range(15):
    loss = individual.train(train_loader)
    fitness = individual.test(test_loader)
    print(f"epoch {generation + 1:2d}  loss {loss:.4f}  fitness {fitness:.4f}")

print(f"RESULT test_accuracy {fitness:.4f}")
