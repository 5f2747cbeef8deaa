import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

USERS, ITEMS = 12, 10
map_u, map_i = torch.randn(USERS, 5), torch.randn(ITEMS, 5)


def clicks(n):
    u, i = torch.randn(n, USERS), torch.randn(n, ITEMS)
    affinity = (torch.tanh(u @ map_u / 2) * torch.tanh(i @ map_i / 2)).sum(1)
    return u, i, (affinity > 0).float()


class Tower(nn.Module):
    def __init__(self, n_in, dim=16):
        super().__init__()
        self.l1 = nn.Linear(n_in, 48)
        self.l2 = nn.Linear(48, dim)

    def forward(self, x):
        return self.l2(F.gelu(self.l1(x)))


user_tower, item_tower = Tower(USERS), Tower(ITEMS)
user_opt = torch.optim.SGD(user_tower.parameters(), lr=0.05, momentum=0.9)
item_opt = torch.optim.SGD(item_tower.parameters(), lr=0.05, momentum=0.9)
u, i, c = clicks(10000)
u_val, i_val, c_val = clicks(1500)

for epoch in range(25):
    total = 0.0
    for idx in torch.randperm(10000).split(100):
        score = (user_tower(u[idx]) * item_tower(i[idx])).sum(1)
        loss = F.binary_cross_entropy_with_logits(score, c[idx])
        user_opt.zero_grad()
        item_opt.zero_grad()
        loss.backward()
        user_opt.step()
        item_opt.step()
        total += loss.item()
    with torch.no_grad():
        val = ((user_tower(u_val) * item_tower(i_val)).sum(1) > 0).float().eq(c_val).float().mean().item()
    print(f"epoch {epoch + 1}: bce {total / 100:.4f} val acc {val:.4f}")
print(f"RESULT val_acc {val:.4f}")
