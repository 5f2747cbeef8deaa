import os
import struct
import tempfile

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
W = H = 24
CLASSES = ["fire", "water"]


def shot(label, rng):
    """A picture (H, W, 3) with a flame or a pool on grey ground."""
    yy, xx = np.mgrid[:H, :W]
    img = rng.uniform(60, 140) + rng.uniform(-15, 15, 3) + rng.normal(0, 18, (H, W, 3))
    a, b = (rng.uniform(4, 8), rng.uniform(3, 6)) if label == 0 else (rng.uniform(3, 6), rng.uniform(4, 8))
    cy, cx = rng.uniform(6, H - 6), rng.uniform(6, W - 6)
    spot = ((yy - cy) / a) ** 2 + ((xx - cx) / b) ** 2 <= 1
    colour = (rng.uniform(170, 240), rng.uniform(80, 160), rng.uniform(20, 90))
    if label == 1:
        colour = (rng.uniform(20, 90), rng.uniform(80, 160), rng.uniform(170, 240))
    img[spot] = np.array(colour) + rng.normal(0, 25, (spot.sum(), 3))
    return img.clip(0, 255).astype(np.uint8)


def imwrite(path, img):
    body = img[::-1, :, ::-1].tobytes()
    with open(path, "wb") as f:
        f.write(struct.pack("<2sIHHI", b"BM", 54 + len(body), 0, 0, 54))
        f.write(struct.pack("<IiiHHIIiiII", 40, W, H, 1, 24, 0, len(body), 2835, 2835, 0, 0))
        f.write(body)


def imread(path):
    raw = np.fromfile(path, dtype=np.uint8)
    offset = struct.unpack("<I", raw[10:14].tobytes())[0]
    w, h = struct.unpack("<ii", raw[18:26].tobytes())
    rows = raw[offset:offset + w * h * 3].reshape(h, w, 3)
    return rows[::-1, :, ::-1].copy()


def preprocess(imgs):
    x = torch.from_numpy(np.stack(imgs).astype(np.float32) / 255.0)
    return (x.permute(0, 3, 1, 2) - 0.45) / 0.25


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(16 * 36, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.classifier(self.features(x))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    labels = rng.integers(0, 2, 800)
    x = preprocess([shot(k, rng) for k in labels])
    y = torch.from_numpy(labels)
    x_train, y_train, x_val, y_val = x[:640], y[:640], x[640:], y[640:]

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(32):
            loss = criterion(net(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"Epoch {epoch + 1}, loss {total / len(x_train):.4f}, accuracy (val) {accuracy(net, x_val, y_val):.4f}")

    with tempfile.TemporaryDirectory() as folder:
        truth = rng.integers(0, 2, 200)
        paths = [os.path.join(folder, f"{i:04d}.bmp") for i in range(len(truth))]
        for path, k in zip(paths, truth):
            imwrite(path, shot(k, rng))
        x_test = preprocess([imread(p) for p in paths])
    print(f"RESULT test_accuracy {accuracy(net, x_test, torch.from_numpy(truth)):.4f}")


if __name__ == "__main__":
    main()
