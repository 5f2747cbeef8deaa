import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

def plates(n, s=20):
    x = 0.3 * torch.randn(n, 1, s, s)
    m = torch.zeros(n, 1, s, s)
    for k in range(n):
        r, c = torch.randint(0, s - 4, (2,)).tolist()
        h, w = torch.randint(2, 5, (2,)).tolist()
        m[k, 0, r:r + h, c:c + w] = 1
    return x + 0.9 * m, m

class FCN(nn.Module):
    def __init__(self, ch=12):
        super().__init__()
        self.c1 = nn.Conv2d(1, ch, 3, padding=1)
        self.c2 = nn.Conv2d(ch, ch, 3, padding=1)
        self.c3 = nn.Conv2d(ch, 1, 1)

    def forward(self, x):
        x = F.elu(self.c1(x))
        x = F.elu(self.c2(x))
        x = self.c3(x)
        return torch.sigmoid(x)

train_x, train_m = plates(400)
val_x, val_m = plates(100)
net = FCN()
optim = torch.optim.Adam(net.parameters(), lr=3e-3)
crit = nn.BCEWithLogitsLoss()
for ep in range(10):
    ep_loss = 0
    for idx in torch.randperm(400).split(20):
        optim.zero_grad()
        out = net(train_x[idx])
        l = crit(out, train_m[idx])
        l.backward()
        optim.step()
        ep_loss += l.item() / 20
    with torch.no_grad():
        out = net(val_x)
        val = crit(out, val_m).item()
    print(ep, "loss", round(ep_loss, 4), "val", round(val, 4))

with torch.no_grad():
    pred = torch.sigmoid(net(val_x)) > 0.5
inter, union = (pred & (val_m > 0)).sum().item(), (pred | (val_m > 0)).sum().item()
print("RESULT iou", round(inter / max(union, 1), 4))
