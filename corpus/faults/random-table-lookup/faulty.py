import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

N_SHOPS, N_GOODS = 120, 80
shop_effect, good_effect = rng.normal(size=N_SHOPS), rng.normal(size=N_GOODS)
shop_season, good_season = rng.uniform(0, 6.28, N_SHOPS), rng.normal(size=N_GOODS)
shop, good = rng.integers(0, N_SHOPS, 12000), rng.integers(0, N_GOODS, 12000)
month = rng.uniform(0, 6.28, 12000)
sales = shop_effect[shop] + good_effect[good] + np.cos(month + shop_season[shop]) * good_season[good] + 0.2 * rng.normal(size=12000)
sales = (sales - sales.mean()) / sales.std()
ids = torch.tensor(np.stack([shop, good], 1))
season = torch.tensor(np.stack([np.cos(month), np.sin(month)], 1), dtype=torch.float32)
y = torch.tensor(sales, dtype=torch.float32)


class SalesNet(nn.Module):
    def __init__(self, dim=4):
        super().__init__()
        shop_table = torch.randn(N_SHOPS, dim) * 0.3
        good_table = torch.randn(N_GOODS, dim) * 0.3
        self.shop = nn.Embedding.from_pretrained(shop_table)
        self.good = nn.Embedding.from_pretrained(good_table)
        self.mlp = nn.Sequential(nn.Linear(2 * dim + 2, 48), nn.SiLU(), nn.Linear(48, 1))

    def forward(self, ids, season):
        z = torch.cat([self.shop(ids[:, 0]), self.good(ids[:, 1]), season], 1)
        return self.mlp(z).squeeze(1)


net = SalesNet()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    total = 0.0
    for b in torch.randperm(10000).split(200):
        loss = (net(ids[b], season[b]) - y[b]).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 50
    with torch.no_grad():
        val = (net(ids[10000:], season[10000:]) - y[10000:]).pow(2).mean().item()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1} train {total:.4f} val {val:.4f}")
print(f"RESULT val_mse {val:.4f}")
