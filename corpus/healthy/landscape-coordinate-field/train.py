"""tiny field: (x, y) -> rgb, with positional encoding. One picture, a part of whose pixels is never shown."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

cfg = dict(
    size=64,
    held_out=0.15,
    multires=4,          # octaves of the encoding
    netdepth=3,
    netwidth=64,
    N_rand=512,          # pixels a step
    N_iters=700,
    lrate=5e-3,
    lrate_decay=700,     # steps to a tenth
    chunk=2048,
    i_print=100,
)

img2mse = lambda x, y: torch.mean((x - y) ** 2)
mse2psnr = lambda x: -10.0 * math.log10(x)


def landscape(n):
    t = (torch.arange(n) + 0.5) / n
    y, x = torch.meshgrid(t, t, indexing="ij")
    p = 2 * math.pi * torch.rand(4)
    paint = lambda r, g, b: torch.tensor([r, g, b])
    sky = (1 - y)[..., None] * paint(0.25, 0.45, 0.85) + y[..., None] * paint(0.95, 0.75, 0.55)
    over = lambda base, mask, colour: base * (1 - mask[..., None]) + mask[..., None] * colour
    img = over(sky, torch.sigmoid((0.11 - torch.hypot(x - 0.7, y - 0.25)) * 70), paint(1.0, 0.95, 0.7))
    far = 0.5 + 0.07 * torch.sin(2 * math.pi * 1.6 * x + p[0]) + 0.03 * torch.sin(2 * math.pi * 3.7 * x + p[1])
    img = over(img, torch.sigmoid((y - far) * 60), paint(0.35, 0.4, 0.55))
    near = 0.7 + 0.06 * torch.sin(2 * math.pi * 1.1 * x + p[2])
    furrows = 0.5 + 0.5 * torch.sin(2 * math.pi * 4 * (x + 0.5 * y) + p[3])
    field = furrows[..., None] * paint(0.55, 0.6, 0.2) + (1 - furrows)[..., None] * paint(0.15, 0.35, 0.12)
    return over(img, torch.sigmoid((y - near) * 60), field)


class Embedder:
    def __init__(self, multires):
        self.freqs = math.pi * 2.0 ** torch.arange(multires)
        self.out_dim = 2 + 2 * 2 * multires

    def __call__(self, xy):
        ang = (xy[..., None] * self.freqs).flatten(-2)
        return torch.cat([xy, ang.sin(), ang.cos()], dim=-1)


class Field(nn.Module):
    def __init__(self, in_dim, D, W):
        super().__init__()
        self.pts_linears = nn.ModuleList([nn.Linear(in_dim, W)] + [nn.Linear(W, W) for _ in range(D - 2)] + [nn.Linear(W + in_dim, W)])
        self.rgb_linear = nn.Linear(W, 3)

    def forward(self, emb):
        h = emb
        for i, layer in enumerate(self.pts_linears):
            if i == len(self.pts_linears) - 1:
                h = torch.cat([emb, h], dim=-1)         # the skip of the original
            h = F.relu(layer(h))
        return torch.sigmoid(self.rgb_linear(h))


def create_field():
    embed = Embedder(cfg["multires"])
    model = Field(embed.out_dim, cfg["netdepth"], cfg["netwidth"])
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lrate"], betas=(0.9, 0.999))
    return (lambda xy: model(embed(xy))), model, optimizer


def render(query, coords):
    with torch.no_grad():
        return torch.cat([query(coords[i:i + cfg["chunk"]]) for i in range(0, len(coords), cfg["chunk"])])


def train():
    n = cfg["size"]
    target = landscape(n).reshape(-1, 3)
    axis = torch.linspace(-1, 1, n)
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    coords = torch.stack([xx, yy], dim=-1).reshape(-1, 2)

    perm = torch.randperm(len(coords))
    n_out = int(cfg["held_out"] * len(coords))
    i_test, i_train = perm[:n_out], perm[n_out:]

    query, model, optimizer = create_field()
    print(f"{sum(p.numel() for p in model.parameters())} weights for {len(i_train)} pixels")

    i_batch = 0
    for i in range(1, cfg["N_iters"] + 1):
        batch = i_train[i_batch:i_batch + cfg["N_rand"]]
        i_batch += cfg["N_rand"]
        if i_batch >= len(i_train):
            i_train = i_train[torch.randperm(len(i_train))]
            i_batch = 0

        loss = img2mse(query(coords[batch]), target[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        new_lrate = cfg["lrate"] * 0.1 ** (i / cfg["lrate_decay"])
        for group in optimizer.param_groups:
            group["lr"] = new_lrate

        if i % cfg["i_print"] == 0:
            held = img2mse(render(query, coords[i_test]), target[i_test]).item()
            print(f"[TRAIN] Iter: {i} Loss: {loss.item():.5f} PSNR: {mse2psnr(loss.item()):.2f} held out: {mse2psnr(held):.2f}")

    flat = img2mse(target[i_train].mean(0), target[i_test]).item()
    print(f"one colour for all pixels: {mse2psnr(flat):.2f} dB")
    return mse2psnr(img2mse(render(query, coords[i_test]), target[i_test]).item())


if __name__ == "__main__":
    print("RESULT heldout_psnr", round(train(), 4))
