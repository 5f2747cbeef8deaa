import os
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# A drill core is measured with a hand-held spectrometer, at as many points as there was time for.
# Rock type 0: uniform, type 1: veined (same mean, large scatter), type 2: uniform but richer.
MEANS = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.2, -0.8, 0.6]])
SPREADS = np.array([0.45, 1.5, 0.45])


def measure_cores(n):
    cores, types = [], []
    for _ in range(n):
        kind = rng.integers(3)
        points = rng.integers(1, 26)
        values = MEANS[kind] + SPREADS[kind] * rng.normal(size=(points, 3))
        cores.append(torch.tensor(values, dtype=torch.float32))
        types.append(int(kind))
    return cores, torch.tensor(types)


class CoreNet(nn.Module):
    """Reading by reading through phi, statistics over the core, then rho."""

    def __init__(self, width=24, classes=3):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, width))
        self.rho = nn.Sequential(nn.Linear(2 * width, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, cores):
        sizes = [len(c) for c in cores]
        features = self.phi(torch.cat(cores))
        pooled = []
        for f in features.split(sizes):
            centre = f.mean(dim=0)
            scatter = f.std(dim=0)
            pooled.append(torch.cat([centre, scatter]))
        return self.rho(torch.stack(pooled))


def make_stepper(model, optimizer):
    loss_fn = nn.CrossEntropyLoss()

    def step(cores, types):
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(cores), types)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return loss.item()

    return step


def make_judge(model, cores, types):
    def judge():
        model.eval()
        with torch.no_grad():
            return (model(cores).argmax(dim=1) == types).float().mean().item()

    return judge


def main():
    train_cores, train_types = measure_cores(600)
    test_cores, test_types = measure_cores(300)
    model = CoreNet()
    step = make_stepper(model, torch.optim.Adam(model.parameters(), lr=3e-3))
    judge = make_judge(model, test_cores, test_types)
    for epoch in range(1, 13):
        losses = []
        for batch in torch.randperm(len(train_cores)).split(24):
            losses.append(step([train_cores[i] for i in batch.tolist()], train_types[batch]))
        print("epoch %2d  loss %.4f  accuracy %.4f" % (epoch, sum(losses) / len(losses), judge()))
    print("RESULT core_accuracy %.4f" % judge())


main()
