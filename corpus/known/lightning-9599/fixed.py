import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class LitClassifier(nn.Module):
    def __init__(self, lr=0.05):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch):
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


class NativeMixedPrecision:
    def __init__(self):
        self.scaler = torch.amp.GradScaler("cpu")

    def forward_context(self):
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def backward(self, loss):
        self.scaler.scale(loss).backward()

    def pre_optimizer_step(self, optimizer):
        self.scaler.unscale_(optimizer)

    def optimizer_step(self, optimizer):
        self.scaler.step(optimizer)
        self.scaler.update()


class Trainer:
    def __init__(self, max_epochs, gradient_clip_val, precision):
        self.max_epochs = max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.precision = precision

    def clip_gradients(self, model):
        nn.utils.clip_grad_norm_(model.parameters(), self.gradient_clip_val)

    def run_training_batch(self, model, optimizer, batch):
        optimizer.zero_grad()
        with self.precision.forward_context():
            loss = model.training_step(batch)
        self.precision.backward(loss)
        self.precision.pre_optimizer_step(optimizer)
        self.clip_gradients(model)
        self.precision.optimizer_step(optimizer)
        return loss.item()

    def fit(self, model, train_loader, val_loader):
        optimizer = model.configure_optimizers()
        for epoch in range(self.max_epochs):
            model.train()
            losses = [self.run_training_batch(model, optimizer, batch) for batch in train_loader]
            print(f"Epoch {epoch}: loss={sum(losses) / len(losses):.4f} val_acc={self.validate(model, val_loader):.4f}")

    @torch.no_grad()
    def validate(self, model, loader):
        model.eval()
        hits = sum((model.net(x).argmax(1) == y).sum().item() for x, y in loader)
        return hits / len(loader.dataset)


digits = load_digits()
dataset = TensorDataset(torch.tensor(digits.images / 16.0, dtype=torch.float32), torch.tensor(digits.target))
train_set, val_set = random_split(dataset, [1400, len(dataset) - 1400])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)

model = LitClassifier()
trainer = Trainer(max_epochs=12, gradient_clip_val=1.0, precision=NativeMixedPrecision())
trainer.fit(model, train_loader, val_loader)
print(f"RESULT val_accuracy {trainer.validate(model, val_loader):.4f}")
