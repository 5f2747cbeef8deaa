"""What a room makes of a sound: a diagonal state-space layer with complex weights, run as a convolution by FFT."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

LENGTH, N_TRAIN, N_TEST, BATCH, EPOCHS = 128, 400, 100, 20, 20


def long_convolution(u, kernel):
    n = 2 * u.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(u, n) * torch.fft.rfft(kernel, n), n)[..., :u.shape[-1]]


def room(n):
    """White sound in; two resonances and a soft limiter out."""
    t = torch.arange(LENGTH, dtype=torch.float32)
    response = torch.exp(-0.05 * t) * torch.sin(0.4 * t + 0.3) + 0.7 * torch.exp(-0.08 * t) * torch.sin(1.2 * t)
    sound = torch.randn(n, 1, LENGTH)
    heard = torch.tanh(0.5 * long_convolution(sound, response))
    return sound, heard + 0.05 * torch.randn(n, 1, LENGTH)


class DiagonalSSM(nn.Module):
    def __init__(self, channels, modes, length):
        super().__init__()
        self.log_decay = nn.Parameter(torch.empty(channels, modes).uniform_(math.log(0.03), math.log(0.3)))
        self.frequency = nn.Parameter(torch.rand(channels, modes) * math.pi)
        self.c = nn.Parameter(torch.randn(channels, modes, dtype=torch.cfloat) / math.sqrt(modes))
        self.through = nn.Parameter(torch.ones(channels, 1))
        self.register_buffer("t", torch.arange(length, dtype=torch.float32))

    def kernel(self, length):
        pole = torch.complex(-self.log_decay.exp(), self.frequency)
        return (self.c.unsqueeze(2) * torch.exp(pole.unsqueeze(2) * self.t[:length])).sum(1).real

    def forward(self, u):
        return long_convolution(u, self.kernel(u.shape[-1])) + self.through * u


class RoomModel(nn.Module):
    def __init__(self, channels=8, modes=8):
        super().__init__()
        self.spread = nn.Conv1d(1, channels, 1)
        self.ssm = DiagonalSSM(channels, modes, LENGTH)
        self.mix = nn.Sequential(nn.Conv1d(channels, 32, 1), nn.GELU(), nn.Conv1d(32, 1, 1))

    def forward(self, x):
        return self.mix(self.ssm(self.spread(x)))


def r2(model, x, y):
    model.eval()
    with torch.no_grad():
        return (1 - F.mse_loss(model(x), y) / y.var(unbiased=False)).item()


x, y = room(N_TRAIN + N_TEST)
y = (y - y[:N_TRAIN].mean()) / y[:N_TRAIN].std()
x_train, y_train, x_test, y_test = x[:N_TRAIN], y[:N_TRAIN], x[N_TRAIN:], y[N_TRAIN:]

model = RoomModel()
poles = [model.ssm.log_decay, model.ssm.frequency]
others = [p for name, p in model.named_parameters() if not name.endswith(("log_decay", "frequency"))]
optimizer = torch.optim.Adam([{"params": poles, "lr": 2e-3}, {"params": others, "lr": 8e-3}])
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * (N_TRAIN // BATCH))

for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(N_TRAIN).split(BATCH):
        loss = F.mse_loss(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    if epoch % 4 == 0 or epoch == 1:
        print(f"epoch {epoch}: mse {total / (N_TRAIN // BATCH):.4f} held-out R2 {r2(model, x_test, y_test):.4f}")

slowest = model.ssm.log_decay.exp().min().item()
print(f"slowest mode dies by 1/e in {1 / slowest:.1f} samples")
print("RESULT r2", round(r2(model, x_test, y_test), 4))
