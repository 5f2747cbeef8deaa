# Paint a picture in the manner of another one: the pixels are optimised, the network stays as it is.
# The filters are random (they need no download and give usable textures, see the literature on random-weight texture synthesis).
import math
import os

import torch
import torch.nn as nn
import torch.optim as optim

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

imsize = 48
device = torch.device("cpu")


# ## Two pictures

def content_picture():
    yy, xx = torch.meshgrid(torch.linspace(0, 1, imsize), torch.linspace(0, 1, imsize), indexing="ij")
    img = torch.tensor([0.80, 0.85, 0.90]).view(3, 1, 1).repeat(1, imsize, imsize)
    cx, cy = 0.35 + 0.1 * torch.rand(()), 0.35 + 0.1 * torch.rand(())
    disc = torch.sigmoid((0.2 - torch.sqrt((xx - cx) ** 2 + (yy - cy) ** 2)) * 60)
    floor = torch.sigmoid((yy - 0.72) * 60)
    for mask, colour in ((disc, (0.85, 0.30, 0.20)), (floor, (0.25, 0.45, 0.30))):
        img = img * (1 - mask) + torch.tensor(colour).view(3, 1, 1) * mask
    return img.unsqueeze(0)


def style_picture():
    yy, xx = torch.meshgrid(torch.linspace(0, 1, imsize), torch.linspace(0, 1, imsize), indexing="ij")
    wave = torch.sin(2 * math.pi * (6 * xx + 3 * yy + 0.3 * torch.sin(4 * math.pi * yy)))
    mix = torch.sigmoid(4 * wave)
    a, b = torch.tensor([0.10, 0.15, 0.45]).view(3, 1, 1), torch.tensor([0.90, 0.70, 0.20]).view(3, 1, 1)
    img = a * (1 - mix) + b * mix + 0.06 * torch.randn(3, imsize, imsize)
    return img.clamp(0, 1).unsqueeze(0)


# ## The fixed network

class RandomFilters(nn.Module):
    """A stack of orthogonal random convolutions; returns the activations of every level."""

    def __init__(self, widths, kernel):
        super().__init__()
        self.levels = nn.ModuleList()
        last = 3
        for w in widths:
            conv = nn.Conv2d(last, w, kernel, padding=kernel // 2, padding_mode="reflect")
            nn.init.orthogonal_(conv.weight, gain=math.sqrt(2))
            nn.init.zeros_(conv.bias)
            self.levels.append(conv)
            last = w
        self.pool = nn.AvgPool2d(2)
        self.requires_grad_(False).eval()

    def forward(self, img):
        x, feats = (img - 0.5) / 0.25, []
        for i, conv in enumerate(self.levels):
            x = torch.relu(conv(self.pool(x) if i else x))
            feats.append(x)
        return feats


def gram_matrix(f):
    f = f.flatten(2)[0]
    return f @ f.t() / f.size(1)


def relative(a, b):
    return ((a - b) ** 2).sum() / (b ** 2).sum()


def style_loss(feats, targets):
    return sum(relative(gram_matrix(f), g) for f, g in zip(feats, targets))


class Canvas(nn.Module):
    """Pixels behind a sigmoid, so that they stay between 0 and 1."""

    def __init__(self, start):
        super().__init__()
        self.raw = nn.Parameter(torch.logit(start.clamp(0.03, 0.97)))

    def forward(self):
        return torch.sigmoid(self.raw)


# ## The optimisation

def run_style_transfer(cnn, content_img, style_img, rounds=14, style_weight=200.0, content_weight=1.0):
    with torch.no_grad():
        content_target = cnn(content_img)[-1]
        style_targets = [gram_matrix(f) for f in cnn(style_img)]
    canvas = Canvas(content_img)
    optimizer = optim.LBFGS(canvas.parameters(), lr=1.0, max_iter=20, history_size=20, line_search_fn="strong_wolfe")
    scores = {}

    def closure():
        optimizer.zero_grad()
        feats = cnn(canvas())
        s, c = style_loss(feats, style_targets), relative(feats[-1], content_target)
        loss = style_weight * s + content_weight * c
        loss.backward()
        scores.update(style=s.item(), content=c.item(), n=scores.get("n", 0) + 1)
        return loss

    for r in range(rounds):
        optimizer.step(closure)
        if r % 3 == 0 or r == rounds - 1:
            print(f"round {r + 1}, {scores['n']} evaluations: style {scores['style']:.5f} content {scores['content']:.5f}")
    return canvas().detach()


content_img, style_img = content_picture().to(device), style_picture().to(device)
cnn = RandomFilters([16, 24, 32], kernel=3)
output = run_style_transfer(cnn, content_img, style_img)

# ## Does it hold for filters the pixels were never fitted to?

judge = RandomFilters([20, 28], kernel=5)
targets = [gram_matrix(f) for f in judge(style_img)]
before = style_loss(judge(content_img), targets).item()
after = style_loss(judge(output), targets).item()
a, b = content_img.mean(1).flatten(), output.mean(1).flatten()
corr = torch.corrcoef(torch.stack([a, b]))[0, 1].item()
print(f"unseen filters: {before:.4f} before, {after:.4f} after; brightness correlates with the content by {corr:.2f}")
print("RESULT unseen_style_ratio", round(after / before, 4))
