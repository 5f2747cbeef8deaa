import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

config = dict(
    rate=100,            # Hz, as recorded
    samples=256,
    window=64,
    decimate=2,
    states={"sound": 2.5, "outer race": 4.0, "inner race": 6.5, "cage": 10.0, "loose": 14.0},  # Hz
    train_recordings=500,
    test_recordings=300,
    batch=64,
    epochs=15,
    lr=2e-3,
)


def record(n, cfg):
    """Accelerometer recordings: the tone of the state with an overtone, drift and noise."""
    t = np.arange(cfg["samples"]) / cfg["rate"]
    tones = np.array(list(cfg["states"].values()))
    label = rng.integers(0, len(tones), n)
    f = tones[label] * rng.uniform(0.94, 1.06, n)
    phase = rng.uniform(0, 2 * np.pi, (2, n, 1))
    strength = rng.uniform(0.6, 1.6, (n, 1))
    signal = np.sin(2 * np.pi * f[:, None] * t + phase[0])
    signal += 0.3 * np.sin(4 * np.pi * f[:, None] * t + phase[1])
    signal = strength * signal + rng.normal(0, 0.5, (n, 1)) + 0.4 * rng.standard_normal((n, len(t)))
    return signal, label


def cut_windows(signals, labels, window, step=1):
    """Every `step`-th sample, cut into windows of equal length, each with mean 0 and deviation 1."""
    thinned = signals[:, ::step]
    per_recording = thinned.shape[1] // window
    windows = thinned[:, :per_recording * window].reshape(-1, window)
    windows = windows - windows.mean(axis=1, keepdims=True)
    windows = windows / (windows.std(axis=1, keepdims=True) + 1e-6)
    x = torch.tensor(windows, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(np.repeat(labels, per_recording))
    return x, y, per_recording


def build(classes):
    return nn.Sequential(
        nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.BatchNorm1d(16), nn.ReLU(),
        nn.Conv1d(16, 32, 7, stride=2, padding=3), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Conv1d(32, 32, 5, padding=2), nn.ReLU(),
        nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        nn.Linear(128, classes),
    )


def fit(model, x, y, cfg):
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    for epoch in range(cfg["epochs"]):
        model.train()
        total, hits = 0.0, 0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            out = model(x[idx])
            loss = F.cross_entropy(out, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
            hits += (out.argmax(1) == y[idx]).sum().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d} loss {total / len(x):.4f} accuracy {hits / len(x):.3f}")


def diagnose(model, signals, labels, cfg):
    """One verdict per recording: the mean of the probabilities of its windows."""
    x, _, per_recording = cut_windows(signals, labels, cfg["window"])
    model.eval()
    with torch.no_grad():
        probability = model(x).softmax(dim=1)
    return probability.view(len(signals), per_recording, -1).mean(dim=1).argmax(dim=1)


train_signals, train_labels = record(config["train_recordings"], config)
test_signals, test_labels = record(config["test_recordings"], config)

x_train, y_train, _ = cut_windows(train_signals, train_labels, config["window"], config["decimate"])
net = build(len(config["states"]))
print(f"{len(x_train)} windows of {config['window']} samples, {sum(p.numel() for p in net.parameters())} weights")
fit(net, x_train, y_train, config)

verdict = diagnose(net, test_signals, test_labels, config).numpy()
for k, name in enumerate(config["states"]):
    mine = test_labels == k
    print(f"{name:12s} {np.mean(verdict[mine] == k):.2f} of {mine.sum()}")
print(f"RESULT recording_accuracy {np.mean(verdict == test_labels):.4f}")
