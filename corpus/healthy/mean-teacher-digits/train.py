"""Mean teacher: 60 labelled digits, the rest unlabelled; the EMA teacher is what is evaluated."""
import copy, math, os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.LeakyReLU(0.1), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 10))


@torch.no_grad()
def ema_update(teacher, student, step, decay=0.97):
    d = min(decay, 1 - 1 / (step + 1))
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.mul_(d).add_(s, alpha=1 - d)
    for t, s in zip(teacher.buffers(), student.buffers()):
        t.copy_(s)


def jitter(x):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, (dx, dy), (2, 3)) + 0.1 * torch.randn_like(x)


d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1
Y = torch.tensor(d.target)
p = torch.randperm(len(X), generator=torch.Generator().manual_seed(1))
lab, unl, te = p[:60], p[60:1400], p[1400:]
student = net()
teacher = copy.deepcopy(student).requires_grad_(False)
opt = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
STEPS = 320
for step in range(STEPS):
    student.train()
    teacher.train()
    li = lab[torch.randint(len(lab), (16,))]
    ui = unl[torch.randint(len(unl), (48,))]
    xb = torch.cat([X[li], X[ui]])
    out = student(jitter(xb))
    with torch.no_grad():
        target = teacher(jitter(xb)).softmax(1)
    ramp = math.exp(-5 * (1 - min(1, step / 150)) ** 2)
    loss = F.cross_entropy(out[:16], Y[li]) + 8.0 * ramp * F.mse_loss(out.softmax(1), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
    ema_update(teacher, student, step)
    if step % 40 == 39:
        teacher.eval()
        with torch.no_grad():
            acc = (teacher(X[te]).argmax(1) == Y[te]).float().mean().item()
        print(f"step {step + 1} loss {loss.item():.4f} teacher acc {acc:.4f}")
print(f"RESULT teacher_acc {acc:.4f}")
