"""Reads the sector (1 of 8) a gauge's needle points to from a 16 x 16 photo.

Warm-up and cosine per step, augmentation on tensors, temperature scaling on the validation set, traced module at the end.
"""
import math
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "n_train": 1600,
    "n_valid": 400,
    "n_test": 600,
    "sectors": 8,
    "batch": 64,
    "epochs": 16,
    "lr": 3e-3,
    "warmup": 40,
    "clip": 2.0,
}


def take_photos(n, sectors, gen):
    rand = lambda *s: torch.rand(*s, generator=gen)
    randn = lambda *s: torch.randn(*s, generator=gen)
    angle = rand(n) * 2 * math.pi
    c, s = angle.cos().view(n, 1, 1), angle.sin().view(n, 1, 1)
    yy, xx = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    dx = xx - (7.5 + 0.5 * randn(n, 1, 1))
    dy = yy - (7.5 + 0.5 * randn(n, 1, 1))
    along, across = dx * c + dy * s, dx * s - dy * c
    needle = torch.exp(-((across / 0.9) ** 2)) * torch.sigmoid(2 * along) * torch.sigmoid(2 * (6.5 - along))
    rim = 0.4 * torch.exp(-(((dx**2 + dy**2).sqrt() - 7) ** 2))
    image = (needle + rim) * (0.7 + 0.6 * rand(n, 1, 1)) + 0.2 * randn(n, 16, 16)
    label = (angle / (2 * math.pi) * sectors).long().clamp(max=sectors - 1)
    return image.unsqueeze(1), label


def augment(x):
    dx, dy = torch.randint(0, 3, (2,)).tolist()
    x = F.pad(x, (1, 1, 1, 1))[:, :, dy : dy + 16, dx : dx + 16]
    x = x * (1 + 0.15 * torch.randn(len(x), 1, 1, 1))
    return x + 0.1 * torch.randn_like(x)


def build(sectors):
    def block(i, o):
        return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True), nn.MaxPool2d(2)]

    return nn.Sequential(
        *block(1, 12), *block(12, 24), nn.Flatten(), nn.Linear(24 * 16, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, sectors)
    )


@torch.no_grad()
def logits_of(model, x):
    model.eval()
    return torch.cat([model(part) for part in x.split(256)])


def expected_calibration_error(logits, y, bins=10):
    conf, guess = logits.softmax(1).max(1)
    right = (guess == y).float()
    which = (conf * bins).long().clamp(max=bins - 1)
    gap = 0.0
    for b in range(bins):
        m = which == b
        if m.any():
            gap += m.float().mean().item() * abs(conf[m].mean().item() - right[m].mean().item())
    return gap


def fit_temperature(logits, y):
    log_t = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.LBFGS([log_t], lr=0.5, max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(logits / log_t.exp(), y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return log_t.exp().item()


class Calibrated(nn.Module):
    def __init__(self, net, temperature, mean, std):
        super().__init__()
        self.net = net
        self.register_buffer("temperature", torch.tensor(temperature))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, photo):
        return F.softmax(self.net((photo - self.mean) / self.std) / self.temperature, dim=1)


def main(cfg):
    torch.set_num_threads(1)
    torch.manual_seed(cfg["seed"])
    gen = torch.Generator().manual_seed(1000 + cfg["seed"])
    raw, y = take_photos(cfg["n_train"], cfg["sectors"], gen)
    raw_v, y_v = take_photos(cfg["n_valid"], cfg["sectors"], gen)
    raw_t, y_t = take_photos(cfg["n_test"], cfg["sectors"], gen)
    mean, std = raw.mean(), raw.std()
    x, x_v, x_t = ((r - mean) / std for r in (raw, raw_v, raw_t))

    model = build(cfg["sectors"])
    steps = cfg["epochs"] * math.ceil(len(x) / cfg["batch"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=1e-2)
    sched = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=cfg["warmup"]),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - cfg["warmup"]),
        ],
        milestones=[cfg["warmup"]],
    )
    for epoch in range(cfg["epochs"]):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            loss = F.cross_entropy(model(augment(x[idx])), y[idx])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), cfg["clip"])
            optimizer.step()
            sched.step()
            losses.append(loss.item())
        if (epoch + 1) % 4 == 0:
            acc = (logits_of(model, x_v).argmax(1) == y_v).float().mean().item()
            print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f} last grad norm {norm:.2f} valid acc {acc:.4f}")

    t = fit_temperature(logits_of(model, x_v), y_v)
    lt = logits_of(model, x_t)
    print(f"temperature {t:.3f}; test nll {F.cross_entropy(lt, y_t):.4f} -> {F.cross_entropy(lt / t, y_t):.4f}")
    print(f"test ece {expected_calibration_error(lt, y_t):.4f} -> {expected_calibration_error(lt / t, y_t):.4f}")

    service = Calibrated(model, t, mean, std).eval()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = os.path.join(folder, "gauge.pt")
        torch.jit.trace(service, raw_t[:4]).save(path)
        loaded = torch.jit.load(path)
        probabilities = loaded(raw_t)
        assert torch.allclose(probabilities, service(raw_t), atol=1e-5)
    print("RESULT test_accuracy", round((probabilities.argmax(1) == y_t).float().mean().item(), 4))


if __name__ == "__main__":
    main(CONFIG)
