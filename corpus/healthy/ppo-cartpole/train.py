import os

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class CartPoles:
    """Many cart-poles at once, the usual constants; an episode ends at 200 steps."""

    def __init__(self, n):
        self.n = n
        self.s = rng.uniform(-0.05, 0.05, (n, 4))
        self.t = np.zeros(n, int)

    def step(self, a):
        x, v, th, om = self.s.T
        force = np.where(a == 1, 10.0, -10.0)
        tmp = (force + 0.05 * om ** 2 * np.sin(th)) / 1.1
        alpha = (9.8 * np.sin(th) - np.cos(th) * tmp) / (0.5 * (4 / 3 - 0.1 * np.cos(th) ** 2 / 1.1))
        acc = tmp - 0.05 * alpha * np.cos(th) / 1.1
        self.s = np.stack([x + 0.02 * v, v + 0.02 * acc, th + 0.02 * om, om + 0.02 * alpha], 1)
        self.t += 1
        fell = (np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 0.2095)
        timeout = (self.t >= 200) & ~fell
        after = self.s.copy()
        over = fell | timeout
        lengths = self.t[over].copy()
        self.s[over] = rng.uniform(-0.05, 0.05, (over.sum(), 4))
        self.t[over] = 0
        return after, fell, timeout, lengths


def tensor(a):
    return torch.as_tensor(a, dtype=torch.float32)


actor = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
with torch.no_grad():
    actor[-1].weight.mul_(0.01)     # a nearly uniform policy to begin with
params = [*actor.parameters(), *critic.parameters()]
opt = torch.optim.Adam(params, lr=2e-3, eps=1e-5)
GAMMA, LAM, CLIP, ITERS, HORIZON = 0.98, 0.95, 0.2, 17, 64
env = CartPoles(16)
SCALE = torch.tensor([1.0, 1.0, 5.0, 1.0])

for it in range(ITERS):
    for group in opt.param_groups:
        group["lr"] = 2e-3 * (1 - it / ITERS)
    obs, acts, logps, rews, vals, nexts, cut, fin = [], [], [], [], [], [], [], []
    done_lengths = []
    with torch.no_grad():
        for _ in range(HORIZON):
            o = tensor(env.s) * SCALE
            dist = Categorical(logits=actor(o))
            a = dist.sample()
            after, fell, timeout, lengths = env.step(a.numpy())
            obs.append(o)
            acts.append(a)
            logps.append(dist.log_prob(a))
            vals.append(critic(o).squeeze(1))
            nexts.append(critic(tensor(after) * SCALE).squeeze(1) * tensor(~fell))
            rews.append(torch.full((env.n,), 0.1))
            cut.append(tensor(~(fell | timeout)))
            done_lengths.extend(lengths)
        adv, run = [], torch.zeros(env.n)
        for t in reversed(range(HORIZON)):
            delta = rews[t] + GAMMA * nexts[t] - vals[t]
            run = delta + GAMMA * LAM * cut[t] * run
            adv.insert(0, run)
        adv, val = torch.cat(adv), torch.cat(vals)
        ret = adv + val
    obs, acts, old = torch.cat(obs), torch.cat(acts), torch.cat(logps)
    for _ in range(6):
        for b in torch.randperm(len(obs)).split(256):
            dist = Categorical(logits=actor(obs[b]))
            ratio = (dist.log_prob(acts[b]) - old[b]).exp()
            A = (adv[b] - adv[b].mean()) / (adv[b].std() + 1e-8)
            pg = -torch.min(ratio * A, ratio.clamp(1 - CLIP, 1 + CLIP) * A).mean()
            vf = 0.5 * (critic(obs[b]).squeeze(1) - ret[b]).pow(2).mean()
            loss = pg + vf - 0.01 * dist.entropy().mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(params, 0.5)
            opt.step()
    if it % 3 == 0 or it == ITERS - 1:
        print(f"iter {it:2d} episode length {np.mean(done_lengths) if done_lengths else float('nan'):.1f} "
              f"loss {loss.item():+.4f} value loss {vf.item():.4f}")

env = CartPoles(50)
lengths = np.full(50, 200)
alive = np.ones(50, bool)
with torch.no_grad():
    for t in range(200):
        a = actor(tensor(env.s) * SCALE).argmax(1).numpy()
        _, fell, _, _ = env.step(a)
        lengths[alive & fell] = t + 1
        alive &= ~fell
print("RESULT greedy_length", round(float(lengths.mean()), 1))
