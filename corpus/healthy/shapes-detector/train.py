import os

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
SIZE = 20
CLASSES = ["square", "cross", "frame"]


def draw():
    """One image; in a fifth of them there is nothing to find."""
    img = rng.normal(0.0, 0.15, (SIZE, SIZE))
    present, cls, box = float(rng.random() > 0.2), rng.integers(3), np.zeros(4)
    if present:
        h = w = rng.integers(6, 11)
        y0, x0 = rng.integers(0, SIZE - h + 1), rng.integers(0, SIZE - w + 1)
        patch = img[y0:y0 + h, x0:x0 + w]
        if cls == 0:
            patch += 1.0
        elif cls == 1:
            patch[h // 2 - 1:h // 2 + 1] += 1.0
            patch[:, w // 2 - 1:w // 2 + 1] += 1.0
        else:
            patch[[0, -1]] += 1.0
            patch[:, [0, -1]] += 1.0
        box = np.array([x0 + w / 2, y0 + h / 2, w, h]) / SIZE
    return img, present, cls, box


def dataset(n):
    imgs, present, cls, boxes = zip(*(draw() for _ in range(n)))
    return (torch.tensor(np.array(imgs), dtype=torch.float32).unsqueeze(1), torch.tensor(present),
            torch.tensor(np.array(cls)), torch.tensor(np.array(boxes), dtype=torch.float32))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 25, 96), nn.ReLU())
        self.obj, self.cls, self.box = nn.Linear(96, 1), nn.Linear(96, len(CLASSES)), nn.Linear(96, 4)

    def forward(self, x):
        f = self.features(x)
        return self.obj(f).squeeze(1), self.cls(f), torch.sigmoid(self.box(f))


def iou(a, b):
    lo = torch.maximum(a[:, :2] - a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2)
    hi = torch.minimum(a[:, :2] + a[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2)
    inter = (hi - lo).clamp(min=0).prod(1)
    return inter / (a[:, 2:].prod(1) + b[:, 2:].prod(1) - inter)


train, test = dataset(1200), dataset(400)
model = Detector()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(8):
    model.train()
    sums = np.zeros(3)
    for idx in torch.randperm(1200).split(50):
        x, present, cls, box = (t[idx] for t in train)
        obj_p, cls_p, box_p = model(x)
        here = present > 0
        l_obj = F.binary_cross_entropy_with_logits(obj_p, present)
        l_cls = F.cross_entropy(cls_p[here], cls[here])
        l_box = F.smooth_l1_loss(box_p[here], box[here], beta=0.05)
        opt.zero_grad()
        (l_obj + l_cls + 5.0 * l_box).backward()
        opt.step()
        sums += [l_obj.item(), l_cls.item(), l_box.item()]
    print("epoch {:2d}  obj {:.4f}  cls {:.4f}  box {:.4f}".format(epoch, *(sums / 24)))

model.eval()
with torch.no_grad():
    obj_p, cls_p, box_p = model(test[0])
    here = test[1] > 0
    overlap = iou(box_p[here], test[3][here])
    hit = (obj_p[here] > 0) & (cls_p[here].argmax(1) == test[2][here]) & (overlap > 0.5)
print(f"objectness accuracy {((obj_p > 0) == here).float().mean():.3f}, mean IoU {overlap.mean():.3f}")
print("RESULT detections_at_iou50", round(hit.float().mean().item(), 4))
