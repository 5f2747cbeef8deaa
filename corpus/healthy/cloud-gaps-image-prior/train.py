# Gaps of a satellite picture filled by an untrained generator (deep image prior): one picture, one fixed input,
# the loss on the pixels that were seen. The gaps themselves are only used for the score.
import os
from types import SimpleNamespace

import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

opt = SimpleNamespace(size=32, steps=600, lr=5e-3, input_depth=12, reg_noise=0.02, exp_weight=0.97, hidden_share=0.45)


def land(size):
    """Two channels: warmth and green. Hills, a river bend and two fields, all rather smooth."""
    g = torch.linspace(-1, 1, size)
    yy, xx = torch.meshgrid(g, g, indexing="ij")
    out = []
    for _ in range(2):
        img = 0.25 * (torch.rand(1) - 0.5) * xx + 0.25 * (torch.rand(1) - 0.5) * yy + 0.5
        for _ in range(6):
            cx, cy = 1.6 * torch.rand(2) - 0.8
            w = 0.2 + 0.3 * torch.rand(1)
            sign = 1.0 if torch.rand(1) < 0.5 else -1.0
            img = img + sign * 0.35 * torch.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * w ** 2))
        out.append(img)
    river = torch.sigmoid(25 * (0.12 - (yy - 0.4 * torch.sin(2.5 * xx + 6 * torch.rand(1))).abs()))
    picture = torch.stack(out) + 0.35 * river
    picture = (picture - picture.amin((1, 2), keepdim=True)) / (picture.amax((1, 2), keepdim=True) - picture.amin((1, 2), keepdim=True))
    return 0.05 + 0.9 * picture


def clouds(size, share):
    """1 where the ground was seen: single pixels gone, and a few clouds of 4x4."""
    seen = (torch.rand(size, size) > share).float()
    for _ in range(4):
        r, c = torch.randint(0, size - 4, (2,)).tolist()
        seen[r:r + 4, c:c + 4] = 0
    return seen


def conv(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2))


class Hourglass(nn.Module):
    def __init__(self, depth, width=24, n_out=2):
        super().__init__()
        self.low = conv(depth, width)
        self.mid = nn.Sequential(conv(width, width), conv(width, width))
        self.high = nn.Sequential(conv(width, width), nn.Conv2d(width, n_out, 1), nn.Sigmoid())
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, z):
        return self.high(self.up(self.mid(self.up(self.low(z)))))


def psnr(a, b, where):
    mse = ((a - b) ** 2 * where).sum() / (where.sum() * a.shape[0])
    return (-10 * torch.log10(mse)).item()


truth = land(opt.size)
seen = clouds(opt.size, opt.hidden_share)
hidden = 1 - seen
observed = truth * seen                              # what the satellite sent

net = Hourglass(opt.input_depth)
z0 = 0.3 * torch.randn(1, opt.input_depth, opt.size // 4, opt.size // 4)
optimizer = torch.optim.Adam(net.parameters(), lr=opt.lr)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=400, gamma=0.3)
average = None

for step in range(1, opt.steps + 1):
    z = z0 + opt.reg_noise * torch.randn_like(z0)
    out = net(z)[0]
    loss = ((out - observed) ** 2 * seen).sum() / (2 * seen.sum())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    frame = out.detach()
    average = frame.clone() if average is None else opt.exp_weight * average + (1 - opt.exp_weight) * frame
    if step % 100 == 0:
        print(f"step {step:4d} loss {loss.item():.6f} psnr seen {psnr(average, truth, seen):.2f} "
              f"hidden {psnr(average, truth, hidden):.2f} dB")

flat = (observed.sum((1, 2)) / seen.sum())[:, None, None].expand_as(truth)
print(f"{int(hidden.sum())} of {opt.size ** 2} pixels hidden; filled with the mean {psnr(flat, truth, hidden):.2f} dB, "
      f"with the prior {psnr(average, truth, hidden):.2f} dB")
error = ((average - truth) ** 2 * hidden).sum()
spread = ((flat - truth) ** 2 * hidden).sum()
print("RESULT r2_hidden_pixels", round(1 - (error / spread).item(), 4))
