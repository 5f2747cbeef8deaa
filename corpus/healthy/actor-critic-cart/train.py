import math
import os
import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class CartPoles:
    """Many carts at once; an episode ends when its pole falls or after 200 steps."""

    def __init__(self, n):
        self.n = n
        self.s = rng.uniform(-0.05, 0.05, (n, 4))
        self.t = np.zeros(n, dtype=int)

    def obs(self):
        return torch.tensor(self.s * np.array([1.0, 1.0, 5.0, 1.0]), dtype=torch.float32)

    def step(self, a):
        x, v, th, w = self.s.T
        force = np.where(a == 1, 10.0, -10.0)
        tmp = (force + 0.05 * w ** 2 * np.sin(th)) / 1.1
        acc_th = (9.8 * np.sin(th) - np.cos(th) * tmp) / (0.5 * (4 / 3 - 0.1 * np.cos(th) ** 2 / 1.1))
        acc = tmp - 0.05 * acc_th * np.cos(th) / 1.1
        self.s = np.stack([x + 0.02 * v, v + 0.02 * acc, th + 0.02 * w, w + 0.02 * acc_th], 1)
        self.t += 1
        fell = (abs(self.s[:, 0]) > 2.4) | (abs(self.s[:, 2]) > 12 * math.pi / 180)
        late = self.t >= 200
        lengths = self.t[fell | late].tolist()
        done = fell | late
        self.s[done] = rng.uniform(-0.05, 0.05, (done.sum(), 4))
        self.t[done] = 0
        return np.where(fell, 0.0, 1.0), done, lengths


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 64), nn.Tanh())
        self.pi = nn.Linear(64, 2)
        self.v = nn.Linear(64, 1)

    def forward(self, s):
        h = self.body(s)
        return Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


GAMMA, N_STEP, N_ENV = 0.98, 16, 16
env, agent = CartPoles(N_ENV), ActorCritic()
opt = torch.optim.Adam(agent.parameters(), lr=5e-3)
recent = []
for update in range(400):
    logps, values, rewards, masks, entropies = [], [], [], [], []
    for _ in range(N_STEP):
        dist, value = agent(env.obs())
        action = dist.sample()
        reward, done, lengths = env.step(action.numpy())
        recent = (recent + lengths)[-50:]
        logps.append(dist.log_prob(action))
        values.append(value)
        entropies.append(dist.entropy())
        rewards.append(torch.tensor(reward, dtype=torch.float32) * 0.05)
        masks.append(torch.tensor(1.0 - done, dtype=torch.float32))
    with torch.no_grad():
        ret = agent(env.obs())[1]
        returns = []
        for r, m in zip(reversed(rewards), reversed(masks)):
            ret = r + GAMMA * m * ret
            returns.insert(0, ret)
    returns, values, logps = torch.stack(returns), torch.stack(values), torch.stack(logps)
    adv = returns - values
    policy_loss = -(logps * adv.detach()).mean()
    value_loss = adv.pow(2).mean()
    loss = policy_loss + 0.5 * value_loss - 0.003 * torch.stack(entropies).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
    opt.step()
    if update % 40 == 0:
        print(f"update {update:3d} value loss {value_loss.item():.4f} mean episode {np.mean(recent or [0]):.1f}")

print(f"RESULT mean_episode_length {np.mean(recent):.1f}")
