import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 24


def photos(kind, n):
    """Furry close-ups: the coat of a cat is banded across, that of a dog along."""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    along = yy if kind == "cats" else xx
    out = np.empty((n, SIZE, SIZE, 3), dtype=np.uint8)
    for i in range(n):
        wave = np.sin(2 * np.pi * along / rng.uniform(5, 9) + rng.uniform(0, 2 * np.pi))
        img = rng.uniform(80, 170, 3) + wave[..., None] * rng.uniform(20, 50, 3)
        img = img + rng.normal(0, 25, (SIZE, SIZE, 3))
        out[i] = np.clip(img, 0, 255)
    return out


class ImageFlow:
    """Batches from a {class name: images} collection, modelled on flow_from_directory."""

    def __init__(self, folders, batch_size=32, class_mode="categorical", shuffle=True, rescale=1.0):
        self.class_indices = {name: k for k, name in enumerate(sorted(folders))}
        self.images = np.concatenate([folders[name] for name in self.class_indices])
        self.classes = np.concatenate([np.full(len(folders[name]), k) for name, k in self.class_indices.items()])
        self.batch_size, self.class_mode = batch_size, class_mode
        self.shuffle, self.rescale = shuffle, rescale
        print(f"Found {len(self.images)} images belonging to {len(self.class_indices)} classes.")

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __iter__(self):
        order = rng.permutation(len(self.images)) if self.shuffle else np.arange(len(self.images))
        for start in range(0, len(order), self.batch_size):
            idx = order[start:start + self.batch_size]
            x = torch.tensor(self.images[idx], dtype=torch.float32).permute(0, 3, 1, 2) * self.rescale
            if self.class_mode == "categorical":
                y = np.eye(len(self.class_indices))[self.classes[idx]]
            else:
                y = self.classes[idx].reshape(-1, 1)
            yield x, torch.tensor(y, dtype=torch.float32)


def flow(folders, shuffle):
    return ImageFlow(folders, batch_size=32, shuffle=shuffle, rescale=1 / 255)


def binary_crossentropy(y_true, y_pred, epsilon=1e-7):
    y_pred = y_pred.clamp(epsilon, 1 - epsilon)
    return -(y_true * torch.log(y_pred) + (1 - y_true) * torch.log(1 - y_pred)).mean()


def binary_accuracy(y_true, y_pred):
    return ((y_pred > 0.5).float() == y_true).float().mean().item()


model = nn.Sequential(
    nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(64, 1), nn.Sigmoid(),
)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

gen_train = flow({kind: photos(kind, 400) for kind in ("cats", "dogs")}, shuffle=True)
gen_val = flow({kind: photos(kind, 120) for kind in ("cats", "dogs")}, shuffle=False)

for epoch in range(8):
    model.train()
    losses, accs = [], []
    for x, y in gen_train:
        optimizer.zero_grad()
        p = model(x)
        loss = binary_crossentropy(y, p)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accs.append(binary_accuracy(y, p))
    model.eval()
    with torch.no_grad():
        scores = [(binary_accuracy(y, model(x)), len(x)) for x, y in gen_val]
    val_acc = sum(a * n for a, n in scores) / sum(n for _, n in scores)
    print(f"Epoch {epoch + 1}/8 - loss: {np.mean(losses):.4f} - acc: {np.mean(accs):.4f} - val_acc: {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")
