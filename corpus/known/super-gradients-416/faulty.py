import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

DEFAULT_DATALOADER_PARAMS = {"batch_size": 64, "num_workers": 0, "drop_last": False}


class ImageFolderLike(Dataset):
    """Images listed folder by folder, one folder a class."""

    def __init__(self, split):
        digits = load_digits()
        x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
        y = torch.tensor(digits.target)
        pick = torch.randperm(len(y), generator=torch.Generator().manual_seed(SEED))
        pick = pick[:1400] if split == "train" else pick[1400:]
        samples = sorted(pick.tolist(), key=lambda i: (y[i].item(), i))
        self.x, self.y = x[samples], y[samples]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def get_dataloader(split, dataloader_params=None):
    params = dict(DEFAULT_DATALOADER_PARAMS)
    params.update(dataloader_params or {})
    return DataLoader(ImageFolderLike(split), **params)


class Trainer:
    def __init__(self, max_epochs, initial_lr, optimizer_params):
        self.max_epochs, self.initial_lr, self.optimizer_params = max_epochs, initial_lr, optimizer_params

    def train(self, model, train_loader, valid_loader):
        opt = torch.optim.SGD(model.parameters(), lr=self.initial_lr, **self.optimizer_params)
        for epoch in range(self.max_epochs):
            model.train()
            running = 0.0
            for x, y in train_loader:
                loss = F.cross_entropy(model(x), y)
                opt.zero_grad()
                loss.backward()
                opt.step()
                running += loss.item() * len(y)
            accuracy = self.test(model, valid_loader)
            print(f"epoch {epoch}: Train CrossEntropyLoss {running / len(train_loader.dataset):.4f} Valid Accuracy {accuracy:.4f}")
        return accuracy

    @torch.no_grad()
    def test(self, model, loader):
        model.eval()
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 10),
)
train_loader = get_dataloader("train", {"batch_size": 32})
valid_loader = get_dataloader("val")
trainer = Trainer(8, 0.02, {"momentum": 0.9, "weight_decay": 1e-4, "nesterov": True})
accuracy = trainer.train(model, train_loader, valid_loader)
print(f"RESULT valid_accuracy {accuracy:.4f}")
