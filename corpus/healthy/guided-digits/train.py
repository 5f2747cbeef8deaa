import math
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


@dataclass(frozen=True)
class Options:
    dims: int = 16
    levels: int = 40
    hidden: int = 128
    batch: int = 128
    steps: int = 1200
    lr: float = 2e-3
    drop_label: float = 0.15
    guidance: float = 1.5


opt = Options()
NO_LABEL = 10


class Denoiser(nn.Module):
    """Says the noise in a noisy code, given its level and (perhaps) its class."""

    def __init__(self):
        super().__init__()
        self.label = nn.Embedding(11, 16)
        self.register_buffer("rates", torch.exp(-math.log(100.0) * torch.arange(8) / 8))
        self.net = nn.Sequential(
            nn.Linear(opt.dims + 16 + 16, opt.hidden), nn.SiLU(),
            nn.Linear(opt.hidden, opt.hidden), nn.SiLU(),
            nn.Linear(opt.hidden, opt.hidden), nn.SiLU(),
            nn.Linear(opt.hidden, opt.dims))

    def forward(self, x, t, y):
        phase = t.float().unsqueeze(1) * self.rates
        return self.net(torch.cat([x, phase.sin(), phase.cos(), self.label(y)], 1))


# signal left at each level, from almost all to almost none
keep = torch.cos(0.5 * math.pi * 0.97 * torch.arange(1, opt.levels + 1) / opt.levels) ** 2


@torch.no_grad()
def sample(model, y):
    model.eval()
    x = torch.randn(len(y), opt.dims)
    blank = torch.full_like(y, NO_LABEL)
    for level in reversed(range(opt.levels)):
        t = torch.full_like(y, level)
        with_label, without = model(x, t, y), model(x, t, blank)
        eps = (1 + opt.guidance) * with_label - opt.guidance * without
        a = keep[level]
        clean = ((x - (1 - a).sqrt() * eps) / a.sqrt()).clamp(-5, 5)
        if level == 0:
            return clean
        eps = (x - a.sqrt() * clean) / (1 - a).sqrt()
        before = keep[level - 1]
        x = before.sqrt() * clean + (1 - before).sqrt() * eps


images, labels = load_digits(return_X_y=True)
x_tr, x_te, y_tr, y_te = train_test_split(images, labels, test_size=600, random_state=SEED, stratify=labels)
pca = PCA(opt.dims, random_state=SEED).fit(x_tr)
z_tr, z_te = pca.transform(x_tr), pca.transform(x_te)
scale = np.sqrt((z_tr ** 2).mean())
z_tr, z_te = z_tr / scale, z_te / scale
judge = KNeighborsClassifier(5).fit(z_te, y_te)          # has never seen what the model is trained on
print(f"the judge is right on real digits in {judge.score(z_tr, y_tr):.4f}")

z, y = torch.tensor(z_tr, dtype=torch.float32), torch.tensor(y_tr)
model = Denoiser()
optimizer = torch.optim.AdamW(model.parameters(), lr=opt.lr)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, opt.steps)
model.train()
recent = []
for step in range(1, opt.steps + 1):
    i = torch.randint(0, len(z), (opt.batch,))
    t = torch.randint(0, opt.levels, (opt.batch,))
    noise = torch.randn(opt.batch, opt.dims)
    a = keep[t].unsqueeze(1)
    seen = torch.where(torch.rand(opt.batch) < opt.drop_label, torch.tensor(NO_LABEL), y[i])
    loss = F.mse_loss(model(a.sqrt() * z[i] + (1 - a).sqrt() * noise, t, seen), noise)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    schedule.step()
    recent.append(loss.item())
    if step % 200 == 0:
        print(f"step {step} loss {np.mean(recent[-200:]):.4f} lr {schedule.get_last_lr()[0]:.5f}")

asked = torch.arange(10).repeat_interleave(40)
drawn = sample(model, asked).numpy()
right = (judge.predict(drawn) == asked.numpy()).mean()
print("spread of drawn and real codes", drawn.std().round(3), z_te.std().round(3))
print("RESULT recognised_as_asked", round(float(right), 4))
