"""Two agents, each in a corridor, trained on the team reward with a summed value (VDN form of QMIX)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_AGENTS, LENGTH, EP_LIMIT = 2, 10, 30


class Corridors:
    def __init__(self, n_envs):
        self.n_envs = n_envs
        self.pos = np.zeros((n_envs, N_AGENTS), dtype=np.int64)
        self.t = np.zeros(n_envs, dtype=np.int64)
        self.reset(np.ones(n_envs, dtype=bool))

    def reset(self, mask):
        self.pos[mask] = rng.integers(0, LENGTH - 1, (mask.sum(), N_AGENTS))
        self.t[mask] = 0

    def step(self, actions):
        alive = self.pos < LENGTH - 1
        move = np.where(actions == 1, 1, -1) * alive
        self.pos = np.clip(self.pos + move, 0, LENGTH - 1)
        self.t += 1
        arrived = alive & (self.pos == LENGTH - 1)
        done = (self.pos == LENGTH - 1).all(1) | (self.t >= EP_LIMIT)
        return arrived.sum(1).astype(np.float32), done


class QMixNet(nn.Module):
    """Utilities of all agents (shared weights) and their mix."""

    def __init__(self, hidden=64):
        super().__init__()
        self.agent = nn.Sequential(nn.Linear(LENGTH + N_AGENTS, hidden), nn.ReLU(), nn.Linear(hidden, 2))

    def utilities(self, pos):
        ids = torch.eye(N_AGENTS).expand(len(pos), N_AGENTS, N_AGENTS)
        return self.agent(torch.cat([F.one_hot(pos, LENGTH).float(), ids], dim=2))

    def mix(self, chosen, pos):
        return (chosen * (pos < LENGTH - 1)).sum(1)


class QMIX:
    def __init__(self, lr=2e-3, gamma=0.95, target_update_period=50):
        self.eval_qmix_net = QMixNet()
        self.target_qmix_net = QMixNet()
        self.target_qmix_net.load_state_dict(self.eval_qmix_net.state_dict())
        self.optimizer = torch.optim.Adam(self.eval_qmix_net.parameters(), lr=lr)
        self.gamma, self.target_update_period = gamma, target_update_period

    def act(self, pos, epsilon):
        with torch.no_grad():
            greedy = self.eval_qmix_net.utilities(torch.from_numpy(pos)).argmax(2).numpy()
        explore = rng.random(greedy.shape) < epsilon
        return np.where(explore, rng.integers(0, 2, greedy.shape), greedy)

    def learn(self, batch, train_step):
        pos, actions, reward, next_pos = batch
        q = self.eval_qmix_net.utilities(pos).gather(2, actions.unsqueeze(2)).squeeze(2)
        q_total = self.eval_qmix_net.mix(q, pos)
        with torch.no_grad():
            q_next = self.target_qmix_net.utilities(next_pos).max(2).values
            target = reward + self.gamma * self.target_qmix_net.mix(q_next, next_pos)
        loss = F.mse_loss(q_total, target)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.eval_qmix_net.parameters(), 10)
        self.optimizer.step()
        if train_step > 0 and train_step % self.target_update_period == 0:
            self.target_qmix_net.load_state_dict(self.eval_qmix_net.state_dict())
        return loss.item()


def evaluate(policy, n=300):
    env = Corridors(n)
    for _ in range(EP_LIMIT):
        env.step(policy.act(env.pos, 0.0))
    return (env.pos == LENGTH - 1).mean()


env, policy, buffer = Corridors(32), QMIX(), []
for train_step in range(2000):
    before = env.pos.copy()
    actions = policy.act(before, epsilon=max(0.3, 1 - train_step / 1000))
    reward, done = env.step(actions)
    buffer.append((before, actions, reward, env.pos.copy()))
    env.reset(done)
    if len(buffer) < 20:
        continue
    picks = rng.integers(max(0, len(buffer) - 800), len(buffer), 4)
    batch = [torch.from_numpy(np.concatenate([buffer[k][f] for k in picks])) for f in range(4)]
    loss = policy.learn(batch, train_step)
    if (train_step + 1) % 250 == 0:
        print(f"step {train_step + 1}: loss {loss:.5f}  win rate {evaluate(policy):.3f}")

print("RESULT arrival_rate", round(float(evaluate(policy)), 4))
