import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

n_arms, ctx_dim = 8, 6
true_w = torch.randn(ctx_dim, n_arms)


def reward(ctx, arm):
    best = (ctx @ true_w).argmax(1)
    return (arm == best).float() + 0.1 * torch.randn(len(arm))


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(ctx_dim, 64)
        self.affine2 = nn.Linear(64, n_arms)

    def forward(self, ctx):
        x = torch.tanh(self.affine1(ctx))
        scores = self.affine2(x)
        return F.softmax(scores, dim=-1)


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
baseline = 0.0
for episode in range(1500):
    ctx = torch.randn(128, ctx_dim)
    m = Categorical(logits=policy(ctx))
    action = m.sample()
    r = reward(ctx, action)
    loss = -(m.log_prob(action) * (r - baseline)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    baseline = 0.95 * baseline + 0.05 * r.mean().item()
    if episode % 150 == 0:
        print(f"Episode {episode}\taverage reward {baseline:.3f}\tentropy {m.entropy().mean().item():.3f}")

with torch.no_grad():
    ctx = torch.randn(4000, ctx_dim)
    r = reward(ctx, Categorical(logits=policy(ctx)).sample()).mean().item()
print(f"RESULT mean_reward {r:.4f}")
