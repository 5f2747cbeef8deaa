import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

_MEAN = [77.9]
_SD = [95.9]


def color_norm(im, mean, sd):
    """Per-channel normalisation of a CHW image."""
    for c in range(im.shape[0]):
        im[c] = im[c] - mean[c]
        im[c] = im[c] / sd[c]
    return im


def random_crop(im, size, pad):
    im = np.pad(im, ((0, 0), (pad, pad), (pad, pad)), mode="constant")
    y = np.random.randint(0, im.shape[1] - size + 1)
    x = np.random.randint(0, im.shape[2] - size + 1)
    return im[:, y:y + size, x:x + size]


class Digits(Dataset):
    """8x8 digits with grey values 0..255, kept in memory."""

    def __init__(self, split):
        self._split = split
        self._im_size = 8
        self._inputs, self._labels = self._load_data()

    def _load_data(self):
        bunch = load_digits()
        images = (bunch.images * (255.0 / 16.0)).astype(np.float32)[:, None]
        perm = np.random.RandomState(SEED).permutation(len(images))
        rows = perm[:1400] if self._split == "train" else perm[1400:]
        return images[rows], bunch.target[rows]

    def _transform_image(self, image):
        image = color_norm(image, _MEAN, _SD)
        if self._split == "train":
            image = random_crop(image, self._im_size, pad=1)
        return image

    def __getitem__(self, index):
        image, label = self._inputs[index, ...], int(self._labels[index])
        image = self._transform_image(image)
        return torch.tensor(image), label

    def __len__(self):
        return len(self._inputs)


def conv_block(w_in, w_out):
    return nn.Sequential(
        nn.Conv2d(w_in, w_out, 3, padding=1, bias=False), nn.BatchNorm2d(w_out), nn.ReLU()
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_block(1, 16)
        self.s1 = conv_block(16, 32)
        self.s2 = conv_block(32, 32)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(self.s1(self.stem(x)))
        x = self.pool(self.s2(x))
        return self.head(x.flatten(1))


def test_epoch(model, loader):
    model.eval()
    right = n = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            n += len(y)
    return right / n


def main():
    train_loader = DataLoader(Digits("train"), batch_size=64, shuffle=True, num_workers=0)
    test_loader = DataLoader(Digits("test"), batch_size=200, num_workers=0)
    model = Net()
    epochs = 8
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs)
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        acc = test_epoch(model, test_loader)
        print(f"[{epoch + 1}/{epochs}] train loss {np.mean(losses):.4f}  test acc {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
