import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 32
N_TRAIN, N_VAL = 1600, 300


def draw(n):
    """One object per picture: a filled plate (class 0) or a frame (class 1). Boxes are (cx, cy, w, h) in 0..1."""
    images = rng.normal(0.0, 0.25, (n, 1, SIZE, SIZE)).astype(np.float32)
    boxes = np.zeros((n, 4), dtype=np.float32)
    labels = rng.integers(0, 2, n)
    for i in range(n):
        w, h = rng.integers(7, 15, 2)
        left = rng.integers(4, SIZE - 4 - w)
        top = rng.integers(4, SIZE - 4 - h)
        images[i, 0, top:top + h, left:left + w] += 1.0
        if labels[i] == 1:
            images[i, 0, top + 2:top + h - 2, left + 2:left + w - 2] -= 1.0
        boxes[i] = (left + w / 2) / SIZE, (top + h / 2) / SIZE, w / SIZE, h / SIZE
    return torch.from_numpy(images), torch.from_numpy(boxes), torch.from_numpy(labels)


def center_to_corners(boxes):
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)


def intersection_union(a, b):
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    iw = (torch.min(ax2, bx2) - torch.max(ax1, bx1)).clamp(min=0)
    ih = (torch.min(ay2, by2) - torch.max(ay1, by1)).clamp(min=0)
    inter = iw * ih
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
    return inter, union


def generalized_box_iou_loss(a, b, eps=1e-7):
    inter, union = intersection_union(a, b)
    iou = inter / (union + eps)
    cw = torch.max(a[:, 2], b[:, 2]) - torch.min(a[:, 0], b[:, 0])
    ch = torch.max(a[:, 3], b[:, 3]) - torch.min(a[:, 1], b[:, 1])
    area = cw * ch
    giou = iou - (area - union) / (area + eps)
    return (1 - giou).mean()


class Detector(nn.Module):
    def __init__(self, n_classes=2):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 16, 96), nn.ReLU(),
        )
        self.box_head = nn.Sequential(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 4))
        self.class_head = nn.Linear(96, n_classes)

    def forward(self, x):
        feats = self.backbone(x)
        return self.class_head(feats), self.box_head(feats).sigmoid()


class DetectionLoss(nn.Module):
    def __init__(self, w_class=1.0, w_l1=5.0, w_giou=2.0):
        super().__init__()
        self.w_class, self.w_l1, self.w_giou = w_class, w_l1, w_giou

    def forward(self, logits, pred_boxes, labels, target_boxes):
        loss_class = F.cross_entropy(logits, labels)
        loss_bbox = F.l1_loss(pred_boxes, target_boxes)
        loss_giou = generalized_box_iou_loss(center_to_corners(pred_boxes), center_to_corners(target_boxes))
        total = self.w_class * loss_class + self.w_l1 * loss_bbox + self.w_giou * loss_giou
        return total, loss_class, loss_bbox


train_x, train_boxes, train_labels = draw(N_TRAIN)
val_x, val_boxes, val_labels = draw(N_VAL)

model = Detector()
criterion = DetectionLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)

for epoch in range(18):
    model.train()
    sums = np.zeros(3)
    batches = torch.randperm(N_TRAIN).split(32)
    for idx in batches:
        logits, boxes = model(train_x[idx])
        losses = criterion(logits, boxes, train_labels[idx], train_boxes[idx])
        optimizer.zero_grad()
        losses[0].backward()
        optimizer.step()
        sums += [v.item() for v in losses]
    model.eval()
    with torch.no_grad():
        logits, boxes = model(val_x)
        inter, union = intersection_union(center_to_corners(boxes), center_to_corners(val_boxes))
        miou = (inter / union.clamp(min=1e-9)).mean().item()
        acc = (logits.argmax(1) == val_labels).float().mean().item()
    sums /= len(batches)
    print(f"epoch {epoch + 1:2d} loss {sums[0]:.4f} class {sums[1]:.4f} l1 {sums[2]:.4f} "
          f"val class acc {acc:.3f} val iou {miou:.3f}")

print(f"RESULT val_mean_iou {miou:.4f}")
