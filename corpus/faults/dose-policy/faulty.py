import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)

CFG = dict(steps=1500, batch=128, collect=32, capacity=20000, warmup=1000,
           critic_lr=2e-3, actor_lr=1e-3, noise=0.4)


class DosingEnv:
    """A patient is three standardised markers; two infusion rates have to be set once (one-step episodes)."""

    def patients(self, n):
        return np.random.randn(n, 3).astype(np.float32)

    def best(self, s):
        return np.stack([np.tanh(s[:, 0] + 0.5 * s[:, 1] * s[:, 2]), np.tanh(s[:, 1] - s[:, 2])], 1)

    def reward(self, s, a):
        return -((a - self.best(s)) ** 2).sum(1)


class Replay:
    def __init__(self, capacity):
        self.s = np.zeros((capacity, 3), np.float32)
        self.a = np.zeros((capacity, 2), np.float32)
        self.r = np.zeros((capacity, 1), np.float32)
        self.capacity, self.size, self.pos = capacity, 0, 0

    def add(self, s, a, r):
        for i in range(len(s)):
            self.s[self.pos], self.a[self.pos], self.r[self.pos, 0] = s[i], a[i], r[i]
            self.pos = (self.pos + 1) % self.capacity
            self.size = min(self.size + 1, self.capacity)

    def sample(self, n):
        i = np.random.randint(0, self.size, n)
        return torch.from_numpy(self.s[i]), torch.from_numpy(self.a[i]), torch.from_numpy(self.r[i])


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, s):
        return torch.tanh(self.body(s))


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, s, a):
        return self.body(torch.cat([s, a], 1))


env, memory = DosingEnv(), Replay(CFG["capacity"])
actor, critic = Actor(), Critic()
actor_opt = torch.optim.Adam(actor.parameters(), lr=CFG["actor_lr"])
critic_opt = torch.optim.Adam(critic.parameters(), lr=CFG["critic_lr"])


def act(s, noise):
    with torch.no_grad():
        a = actor(torch.from_numpy(s)).numpy()
    return np.clip(a + noise * np.random.randn(*a.shape), -1, 1).astype(np.float32)


def update():
    s, a, r = memory.sample(CFG["batch"])
    critic_loss = F.mse_loss(critic(s, a), r)
    critic_loss.backward()
    critic_opt.step()

    actor_loss = -critic(s, actor(s)).mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    actor_opt.step()
    return critic_loss.item(), actor_loss.item()


s = env.patients(CFG["warmup"])
a = np.random.uniform(-1, 1, (CFG["warmup"], 2)).astype(np.float32)
memory.add(s, a, env.reward(s, a))

test_patients = np.random.RandomState(SEED + 1000).randn(1000, 3).astype(np.float32)
for step in range(1, CFG["steps"] + 1):
    s = env.patients(CFG["collect"])
    a = act(s, CFG["noise"])
    memory.add(s, a, env.reward(s, a))
    c_loss, a_loss = update()
    if step % 250 == 0:
        ret = env.reward(test_patients, act(test_patients, 0.0)).mean()
        print(f"step {step:5d}  critic {c_loss:.4f}  actor {a_loss:.4f}  reward {ret:.4f}")

final = env.reward(test_patients, act(test_patients, 0.0)).mean()
print(f"RESULT mean_reward {final:.4f}")
