"""Tells from the melody of the last half second whether a caller has finished speaking."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

MODEL_RATE = 1600
STUDIO_RATE = 3200
PHONE_RATE = 800
SECONDS = 0.5
MELODIES = {"statement": (160, 80), "question": (80, 160), "pause": (80, 80), "list": (160, 160)}
NAMES = list(MELODIES)
WINDOW, HOP, BINS = 64, 32, 16


def utterance(name, rate):
    start, end = (f * rng.uniform(0.94, 1.06) for f in MELODIES[name])
    n = int(rate * SECONDS)
    phase = 2 * np.pi * np.cumsum(np.linspace(start, end, n)) / rate
    voice = rng.uniform(0.5, 1.0) * (np.sin(phase) + 0.5 * np.sin(2 * phase + rng.uniform(0, 6)))
    return voice + 0.2 * np.sqrt(rate / STUDIO_RATE) * rng.standard_normal(n)


def recordings(n, rate):
    labels = rng.integers(len(NAMES), size=n)
    return [utterance(NAMES[c], rate) for c in labels], torch.tensor(labels)


def resample(wave, rate, new_rate):
    n = int(round(len(wave) * new_rate / rate))
    return np.fft.irfft(np.fft.rfft(wave), n) * n / len(wave)


def fit_length(wave, n=int(MODEL_RATE * SECONDS)):
    return np.pad(wave[:n], (0, max(0, n - len(wave))))


def log_spectrogram(wave):
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1))[:, :BINS] ** 2
    return np.log(power + 1e-2)


class TurnAnalyzer:
    def __init__(self):
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(16 * 6 * 4, len(NAMES)),
        )
        self.mean, self.std = 0.0, 1.0

    def as_input(self, features):
        x = torch.tensor(np.stack(features), dtype=torch.float32).unsqueeze(1)
        return (x - self.mean) / self.std

    def train(self, waves, labels, rate, epochs=10, batch_size=32):
        waves = [fit_length(resample(w, rate, MODEL_RATE)) for w in waves]
        features = [log_spectrogram(w) for w in waves]
        self.mean, self.std = float(np.mean(features)), float(np.std(features))
        x = self.as_input(features)
        optimizer = torch.optim.Adam(self.net.parameters(), lr=2e-3)
        self.net.train()
        for epoch in range(epochs):
            total = 0.0
            for rows in torch.randperm(len(x)).split(batch_size):
                loss = nn.functional.cross_entropy(self.net(x[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            print(f"epoch {epoch + 1:2d} loss {total / len(x):.4f}")

    def predict(self, wave, sample_rate):
        wave = fit_length(resample(wave, sample_rate, MODEL_RATE))
        self.net.eval()
        with torch.no_grad():
            return int(self.net(self.as_input([log_spectrogram(wave)])).argmax())

    def score(self, waves, labels, sample_rate):
        guesses = torch.tensor([self.predict(w, sample_rate) for w in waves])
        return (guesses == labels).float().mean().item()


analyzer = TurnAnalyzer()
analyzer.train(*recordings(600, STUDIO_RATE), rate=STUDIO_RATE)
waves, labels = recordings(200, MODEL_RATE)
print(f"headset calls ({MODEL_RATE} Hz): accuracy {analyzer.score(waves, labels, MODEL_RATE):.4f}")
waves, labels = recordings(300, PHONE_RATE)
accuracy = analyzer.score(waves, labels, PHONE_RATE)
print(f"telephone calls ({PHONE_RATE} Hz): accuracy {accuracy:.4f}")
print("RESULT phone_accuracy", round(accuracy, 4))
