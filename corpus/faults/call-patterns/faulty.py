import copy
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

KINDS = ["rising", "falling", "flat", "trill", "double", "burst"]
LENGTH = 96


class Calls(Dataset):
    """Short synthetic bird calls in noise, six patterns."""

    def __init__(self, n, generator):
        self.kind = torch.randint(len(KINDS), (n,), generator=generator)
        t = torch.linspace(0, 1, LENGTH)
        rows = []
        for k in self.kind.tolist():
            u = torch.rand(4, generator=generator)
            f0, phase, gain = 8 + 3 * u[0], 2 * math.pi * u[1], 0.8 + 0.6 * u[2]
            if k == 0:
                call = torch.sin(2 * math.pi * (f0 * t + 7 * t ** 2) + phase)
            elif k == 1:
                call = torch.sin(2 * math.pi * ((f0 + 14) * t - 7 * t ** 2) + phase)
            elif k == 2:
                call = torch.sin(2 * math.pi * f0 * t + phase)
            elif k == 3:
                call = torch.sin(2 * math.pi * f0 * t + 2.5 * torch.sin(2 * math.pi * 5 * t) + phase)
            elif k == 4:
                call = torch.sin(2 * math.pi * f0 * t + phase) * (torch.cos(4 * math.pi * t) > 0)
            else:
                call = torch.sin(2 * math.pi * 2.2 * f0 * t + phase) * torch.exp(-((t - 0.3 - 0.4 * u[3]) / 0.1) ** 2)
            rows.append(gain * call)
        noise = 0.2 * torch.randn(n, LENGTH, generator=generator)
        self.wave = (torch.stack(rows) + noise).unsqueeze(1)

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        return self.wave[i], self.kind[i]


def block(c_in, c_out, stride):
    return nn.Sequential(nn.Conv1d(c_in, c_out, 9, stride, padding=4), nn.GroupNorm(4, c_out), nn.GELU())


class CallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(block(1, 16, 2), block(16, 24, 2), block(24, 32, 2))
        self.head = nn.Linear(64, len(KINDS))

    def forward(self, wave):
        h = self.features(wave)
        return self.head(torch.cat([h.mean(2), h.amax(2)], 1))


class WeightAverage:
    def __init__(self, model, decay):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model):
        for mean, p in zip(self.model.parameters(), model.parameters()):
            mean.lerp_(p, 1 - self.decay)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    right = sum((model(wave).argmax(1) == kind).sum().item() for wave, kind in loader)
    return right / len(loader.dataset)


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    train_loader = DataLoader(Calls(1280, generator), batch_size=16, shuffle=True)
    test_loader = DataLoader(Calls(480, generator), batch_size=160)

    model = CallNet()
    average = WeightAverage(model, decay=0.996)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    for epoch in range(10):
        model.train()
        total = 0.0
        for wave, kind in train_loader:
            loss = F.cross_entropy(model(wave), kind)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        average.update(model)
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d} loss {total / len(train_loader):.4f}")

    print(f"RESULT test_accuracy {accuracy(average.model, test_loader):.4f}")


if __name__ == "__main__":
    main()
