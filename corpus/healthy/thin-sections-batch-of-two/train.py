"""Rocks from the texture of thin sections. The real scans only fit two to a batch, hence
group norm with standardised weights instead of batch norm (this is the small rehearsal copy)."""
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIDE = 24
ROCKS = ["granite", "sandstone", "schist", "basalt"]
BATCH = 2
EPOCHS = 4
LR = 0.01


def coloured_noise(along, across, angle):
    """White noise blurred by a Gaussian that may be elongated and turned."""
    f = 2 * np.pi * np.fft.fftfreq(SIDE)
    fy, fx = np.meshgrid(f, f, indexing="ij")
    u, v = np.cos(angle) * fx + np.sin(angle) * fy, -np.sin(angle) * fx + np.cos(angle) * fy
    gain = np.exp(-0.5 * ((along * u) ** 2 + (across * v) ** 2))
    img = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * gain).real
    return (img - img.mean()) / (img.std() + 1e-6)


def section(rock):
    if rock == 0:                                   # coarse grains in three tones
        img = np.round(np.clip(coloured_noise(2.4, 2.4, 0), -1, 1))
    elif rock == 1:                                 # fine rounded grains
        img = coloured_noise(0.9, 0.9, 0)
    elif rock == 2:                                 # bands, all about the same way
        img = coloured_noise(4.0, 0.8, rng.uniform(-0.4, 0.4))
    else:                                           # needles that cross
        a = rng.uniform(0, np.pi)
        img = np.maximum(coloured_noise(3.5, 0.6, a), coloured_noise(3.5, 0.6, a + np.pi / 2))
    img = img + rng.normal(0, 0.15, img.shape)
    return (img - img.mean()) / img.std()


def collection(n):
    labels = np.arange(n) % 4
    rng.shuffle(labels)
    x = np.stack([section(k) for k in labels]).astype(np.float32)
    return torch.from_numpy(x).unsqueeze(1), torch.from_numpy(labels).long()


class WSConv2d(nn.Conv2d):
    def forward(self, x):
        w = self.weight
        w = w - w.mean(dim=(1, 2, 3), keepdim=True)
        w = w / (w.std(dim=(1, 2, 3), keepdim=True) * w[0].numel() ** 0.5 + 1e-5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


def unit(cin, cout, stride):
    return nn.Sequential(WSConv2d(cin, cout, 3, stride=stride, padding=1, bias=False), nn.GroupNorm(4, cout), nn.ReLU())


model = nn.Sequential(
    unit(1, 12, 1),
    unit(12, 16, 2),
    unit(16, 24, 2),
    unit(24, 32, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 4),
)

x_train, y_train = collection(480)
x_test, y_test = collection(240)

# the norms and the head are spared the decay
decay = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
spared = [p for p in model.parameters() if not any(p is d for d in decay)]
optimizer = torch.optim.SGD([{"params": decay, "weight_decay": 1e-4}, {"params": spared}], lr=LR, momentum=0.8)
steps = EPOCHS * (len(x_train) // BATCH)
warmup = 40
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: float(min((s + 1) / warmup, 1.0) * 0.5 * (1 + np.cos(np.pi * min(s / steps, 1.0)))))

t0, smooth, step = time.time(), None, 0
for epoch in range(EPOCHS):
    model.train()
    order = torch.randperm(len(x_train))
    for i in range(0, len(order) - BATCH + 1, BATCH):
        pair = order[i:i + BATCH]
        loss = F.cross_entropy(model(x_train[pair]), y_train[pair], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        step += 1
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 120 == 0:
            print(f"{time.time() - t0:5.1f}s step {step}/{steps} smoothed loss {smooth:.3f} lr {scheduler.get_last_lr()[0]:.4f}")

model.eval()
with torch.no_grad():
    pred = model(x_test).argmax(1)
for k, rock in enumerate(ROCKS):
    print(f"{rock:10s} {(pred[y_test == k] == k).float().mean().item():.3f}")
print("RESULT test_accuracy", round((pred == y_test).float().mean().item(), 4))
