"""Clean frames do not exist: two noisy exposures of the same field, one is the input, the other the target."""
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

SETTINGS = {"side": 16, "noise": 0.3, "fields": 400, "batch": 25, "epochs": 14, "lr": 2e-3, "width": 20}


def fields(n, side):
    grid = torch.arange(side).float()
    sky = torch.zeros(n, side, side)
    for _ in range(3):
        cy, cx = side * torch.rand(2, n, 1, 1)
        size = 1.5 + 2.0 * torch.rand(n, 1, 1)
        light = 0.4 + 0.6 * torch.rand(n, 1, 1)
        d2 = (grid[None, :, None] - cy) ** 2 + (grid[None, None, :] - cx) ** 2
        sky = sky + light * torch.exp(-0.5 * d2 / size ** 2)
    return sky.clamp(max=1.5).unsqueeze(1)


def expose(sky, noise):
    return sky + noise * torch.randn_like(sky)


def psnr(a, b):
    return (-10 * torch.log10(((a - b) ** 2).mean())).item()


class Denoiser(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, frame):
        return frame - self.net(frame)          # the network predicts the noise


def train(s):
    sky = fields(s["fields"], s["side"])
    held_out = fields(150, s["side"])
    held_out_frame = expose(held_out, s["noise"])
    model = Denoiser(s["width"])
    opt = torch.optim.Adam(model.parameters(), lr=s["lr"])
    sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[9, 12], gamma=0.3)
    print(f"a single frame: {psnr(held_out_frame, held_out):.2f} dB; variance of the noise {s['noise'] ** 2:.4f}")
    for epoch in range(1, s["epochs"] + 1):
        model.train()
        total, n = 0.0, 0
        for idx in torch.randperm(len(sky)).split(s["batch"]):
            one, two = expose(sky[idx], s["noise"]), expose(sky[idx], s["noise"])
            loss = ((model(one) - two) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total, n = total + loss.item(), n + 1
        sched.step()
        model.eval()
        with torch.no_grad():
            quality = psnr(model(held_out_frame), held_out)
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d}: loss against the other frame {total / n:.4f}, against the sky {quality:.2f} dB")
    return quality


torch.manual_seed(int(os.environ.get("SEED", "0")))
print("RESULT psnr_db", round(train(SETTINGS), 3))
