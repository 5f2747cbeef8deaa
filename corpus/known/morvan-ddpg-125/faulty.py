"""DDPG on a small reaching task (point in the plane, velocity control)."""
import copy
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

MAX_EPISODES, MAX_EP_STEPS = 80, 15
LR_A, LR_C, GAMMA, TAU = 0.001, 0.002, 0.9, 0.02
MEMORY_CAPACITY, BATCH_SIZE, N_ENVS = 20000, 128, 16


class ReachEnv:
    def __init__(self, n):
        self.n = n

    def reset(self):
        self.pos = np.random.uniform(-1, 1, (self.n, 2))
        self.goal = np.random.uniform(-1, 1, (self.n, 2))
        return self._state()

    def _state(self):
        return np.hstack([self.pos, self.goal - self.pos]).astype(np.float32)

    def step(self, a):
        self.pos = np.clip(self.pos + 0.3 * np.clip(a, -1, 1), -1.5, 1.5)
        r = -np.linalg.norm(self.goal - self.pos, axis=1)
        return self._state(), r.astype(np.float32)


class ANet(nn.Module):
    def __init__(self, s_dim=4, a_dim=2):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(s_dim, 64), nn.ReLU(), nn.Linear(64, a_dim), nn.Tanh())

    def forward(self, s):
        return self.net(s)


class CNet(nn.Module):
    def __init__(self, s_dim=4, a_dim=2):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(s_dim + a_dim, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, s, a):
        return self.net(torch.cat([s, a], dim=1))


class DDPG:
    def __init__(self):
        self.actor_eval, self.critic_eval = ANet(), CNet()
        self.actor_target = copy.deepcopy(self.actor_eval)
        self.critic_target = copy.deepcopy(self.critic_eval)
        self.atrain = torch.optim.Adam(self.actor_eval.parameters(), lr=LR_A)
        self.ctrain = torch.optim.Adam(self.critic_eval.parameters(), lr=LR_C)
        self.memory = np.zeros((MEMORY_CAPACITY, 4 + 2 + 1 + 4), dtype=np.float32)
        self.pointer = 0

    def choose_action(self, s):
        with torch.no_grad():
            return self.actor_eval(torch.as_tensor(s)).numpy()

    def learn(self):
        for net, target in ((self.actor_eval, self.actor_target), (self.critic_eval, self.critic_target)):
            for p, tp in zip(net.parameters(), target.parameters()):
                tp.data.mul_(1 - TAU).add_(p.data, alpha=TAU)

        rows = np.random.choice(min(self.pointer, MEMORY_CAPACITY), BATCH_SIZE)
        b = torch.from_numpy(self.memory[rows])
        bs, ba, br, bs_ = b[:, :4], b[:, 4:6], b[:, 6:7], b[:, 7:]

        a = torch.from_numpy(self.choose_action(bs))
        a_loss = -self.critic_eval(bs, a).mean()
        self.atrain.zero_grad()
        a_loss.backward()
        self.atrain.step()

        with torch.no_grad():
            q_target = br + GAMMA * self.critic_target(bs_, self.actor_target(bs_))
        td_error = F.mse_loss(self.critic_eval(bs, ba), q_target)
        self.ctrain.zero_grad()
        td_error.backward()
        self.ctrain.step()
        return td_error.item(), a_loss.item()

    def store_transition(self, s, a, r, s_):
        for row in np.hstack([s, a, r[:, None], s_]):
            self.memory[self.pointer % MEMORY_CAPACITY] = row
            self.pointer += 1


def evaluate(agent, n=200):
    env = ReachEnv(n)
    s, total = env.reset(), np.zeros(n)
    for _ in range(MAX_EP_STEPS):
        s, r = env.step(agent.choose_action(s))
        total += r
    return total.mean()


env, ddpg, var = ReachEnv(N_ENVS), DDPG(), 1.0
for i in range(MAX_EPISODES):
    s, ep_reward = env.reset(), 0.0
    for j in range(MAX_EP_STEPS):
        a = np.clip(np.random.normal(ddpg.choose_action(s), var), -1, 1).astype(np.float32)
        s_, r = env.step(a)
        ddpg.store_transition(s, a, r, s_)
        if ddpg.pointer > 500:
            var = max(0.1, var * 0.998)
            c_loss, a_loss = ddpg.learn()
        s = s_
        ep_reward += r.mean()
    if i % 10 == 9:
        print(f"Episode: {i + 1} Reward: {ep_reward:.2f} Explore: {var:.2f} critic loss {c_loss:.4f} actor loss {a_loss:.4f}")

print("RESULT mean_return", round(float(evaluate(ddpg)), 4))
