"""Actor-critic with a sparse reward: 1 only at the goal of a 5x5 grid, else 0."""
import os
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
N, GOAL, LIMIT, ENVS = 5, 24, 30, 32
MOVES = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])


class AC(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Sequential(nn.Linear(N * N, 64), nn.Tanh())
        self.pi, self.v = nn.Linear(64, 4), nn.Linear(64, 1)
        nn.init.zeros_(self.pi.weight)

    def forward(self, s):
        h = self.emb(torch.eye(N * N)[s])
        return Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


def step(s, a):
    pos = torch.stack([s // N, s % N], 1) + MOVES[a]
    pos = pos.clamp(0, N - 1)
    s2 = pos[:, 0] * N + pos[:, 1]
    done = s2 == GOAL
    return s2, done.float(), done


net = AC()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
gamma = 0.95
history = []
for it in range(120):
    s = torch.zeros(ENVS, dtype=torch.long)
    alive = torch.ones(ENVS)
    logps, vals, rews, masks, ents = [], [], [], [], []
    for t in range(LIMIT):
        dist, v = net(s)
        a = dist.sample()
        s2, r, done = step(s, a)
        logps.append(dist.log_prob(a)), vals.append(v), rews.append(r * alive), masks.append(alive), ents.append(dist.entropy())
        alive = alive * (1 - done.float())
        s = s2
        if alive.sum() == 0:
            break
    ret, R = [], torch.zeros(ENVS)
    for r in reversed(rews):
        R = r + gamma * R
        ret.insert(0, R)
    ret, vals, logps, masks, ents = map(torch.stack, (ret, vals, logps, masks, ents))
    adv = (ret - vals).detach()
    denom = masks.sum()
    loss = (-(logps * adv * masks).sum() + 0.5 * ((ret - vals) ** 2 * masks).sum() - 0.01 * (ents * masks).sum()) / denom
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    opt.step()
    history.append(ret[0].mean().item())
    if it % 20 == 19:
        print(it + 1, "discounted return", round(sum(history[-20:]) / 20, 4))
print("RESULT return %.4f" % (sum(history[-10:]) / 10))
