import contextlib
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class MiniAccelerator:
    """A small stand-in for the launcher we use on the cluster."""

    def __init__(self, gradient_accumulation_steps=1):
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.counter = 0
        self.sync_gradients = True

    @contextlib.contextmanager
    def accumulate(self, model):
        self.counter += 1
        self.sync_gradients = self.counter % self.gradient_accumulation_steps == 0
        yield

    def backward(self, loss):
        loss = loss / self.gradient_accumulation_steps
        loss.backward()

    def step(self, optimizer):
        if self.sync_gradients:
            optimizer.step()
            optimizer.zero_grad()


class ResidualMLP(nn.Module):
    def __init__(self, d_in, d_out, width=96, blocks=2):
        super().__init__()
        self.inp = nn.Linear(d_in, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.out = nn.Linear(width, d_out)

    def forward(self, x):
        x = self.inp(x)
        for block in self.blocks:
            x = x + block(x)
        return self.out(x)


def get_loaders(batch_size):
    x, y = load_digits(return_X_y=True)
    x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SEED)
    scaler = StandardScaler().fit(x_tr)
    pack = lambda a, b: TensorDataset(torch.tensor(scaler.transform(a), dtype=torch.float32), torch.tensor(b))
    return DataLoader(pack(x_tr, y_tr), batch_size, shuffle=True, drop_last=True), DataLoader(pack(x_va, y_va), 256)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    hits = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    model.train()
    return hits / len(loader.dataset)


def main(accum_steps=16, micro_batch=4, epochs=4, lr=0.02):
    accelerator = MiniAccelerator(gradient_accumulation_steps=accum_steps)
    train_loader, val_loader = get_loaders(micro_batch)
    model = ResidualMLP(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        running = 0.0
        for x, y in train_loader:
            with accelerator.accumulate(model):
                loss = criterion(model(x), y)
                running += loss.item()
                loss = loss / accum_steps
                accelerator.backward(loss)
                accelerator.step(optimizer)
        print(f"epoch {epoch}: train loss {running / len(train_loader):.4f}, val acc {evaluate(model, val_loader):.4f}")
    print("RESULT val_acc", round(evaluate(model, val_loader), 4))


if __name__ == "__main__":
    main()
