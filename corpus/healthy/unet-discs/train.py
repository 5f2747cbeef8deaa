import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
H = 32


def make(n):
    yy, xx = torch.meshgrid(torch.arange(H), torch.arange(H), indexing="ij")
    img, mask = torch.randn(n, 1, H, H) * 0.4, torch.zeros(n, 1, H, H)
    for k in range(n):
        for _ in range(int(torch.randint(1, 4, ()))):
            cy, cx = torch.randint(4, H - 4, (2,))
            r = torch.randint(3, 7, ())
            disc = (yy - cy) ** 2 + (xx - cx) ** 2 <= r ** 2
            mask[k, 0][disc] = 1.0
            img[k, 0][disc] += 0.8
        img[k] += (xx / H - 0.5) * torch.randn(())
    return img, mask


class DoubleConv(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.GroupNorm(4, o), nn.SiLU(),
                         nn.Conv2d(o, o, 3, padding=1), nn.GroupNorm(4, o), nn.SiLU())


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.d1, self.d2, self.mid = DoubleConv(1, c), DoubleConv(c, 2 * c), DoubleConv(2 * c, 4 * c)
        self.u2, self.u1 = DoubleConv(6 * c, 2 * c), DoubleConv(3 * c, c)
        self.last = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        s1 = self.d1(x)
        s2 = self.d2(F.max_pool2d(s1, 2))
        m = self.mid(F.max_pool2d(s2, 2))
        u = self.u2(torch.cat([F.interpolate(m, scale_factor=2), s2], 1))
        u = self.u1(torch.cat([F.interpolate(u, scale_factor=2), s1], 1))
        return self.last(u)


def dice_loss(logits, m):
    p = logits.sigmoid()
    inter = (p * m).sum((1, 2, 3))
    return (1 - (2 * inter + 1) / (p.sum((1, 2, 3)) + m.sum((1, 2, 3)) + 1)).mean()


x_tr, m_tr = make(240)
x_va, m_va = make(60)
net = UNet()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(14):
    net.train()
    losses = []
    for i in torch.randperm(len(x_tr)).split(16):
        out = net(x_tr[i])
        loss = F.binary_cross_entropy_with_logits(out, m_tr[i]) + dice_loss(out, m_tr[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        p = net(x_va) > 0
    t = m_va > 0.5
    iou = ((p & t).sum() / (p | t).sum()).item()
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} val IoU {iou:.4f}")
print(f"RESULT val_iou {iou:.4f}")
