import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def fleet(n, length=20):
    wear = torch.rand(n)
    t = torch.linspace(0, 1, length)
    vib = 0.3 * torch.randn(n, length) + wear[:, None] * torch.sin(12 * t + 6.28 * torch.rand(n, 1))
    heat = 0.3 * torch.randn(n, length) + wear[:, None] ** 2 * t * 2
    signal = torch.stack([vib, heat], -1)
    life = ((1 - wear) - 0.5) / 0.29
    return TensorDataset(signal, life.unsqueeze(1))


class Regressor(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.head(h[:, -1]).squeeze(-1)


class Trainer:
    def __init__(self, model, loss_fn, lr, batch_size):
        self.model, self.loss_fn = model, loss_fn
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.batch_size = batch_size

    def step(self, batch):
        signal, life = batch
        return self.loss_fn(self.model(signal), life.squeeze(1))

    def fit(self, dataset, epochs):
        loader = DataLoader(dataset, self.batch_size, shuffle=True, drop_last=True)
        for epoch in range(epochs):
            total = 0.0
            for batch in loader:
                loss = self.step(batch)
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
                self.optimizer.step()
                total += loss.item()
            print(f"epoch {epoch + 1}/{epochs}  huber {total / len(loader):.4f}")

    @torch.no_grad()
    def score(self, dataset):
        signal, life = dataset.tensors
        mse = (self.model(signal) - life[:, 0]).square().mean()
        return 1 - (mse / life.var()).item()


if __name__ == "__main__":
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    train, test = fleet(1600), fleet(400)
    trainer = Trainer(Regressor(), nn.HuberLoss(), lr=5e-3, batch_size=32)
    trainer.fit(train, epochs=12)
    print(f"RESULT r2 {trainer.score(test):.4f}")
