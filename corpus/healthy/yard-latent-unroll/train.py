import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

UNROLL = 5
N_ACTIONS = 4


class Yard:
    """A vehicle on a square yard; places give or cost reward, ten sensors show roughly where it is."""

    moves = np.array([[0.35, 0.0], [-0.35, 0.0], [0.0, 0.35], [0.0, -0.35]])
    places = np.array([[0.5, 0.5], [-0.6, 0.2], [0.1, -0.6]])
    heights = np.array([1.0, -0.8, 0.7])

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.mix = self.rng.normal(size=(2, 10))
        self.offset = self.rng.normal(size=10) * 0.5

    def observe(self, pos):
        return np.tanh(pos @ self.mix + self.offset) + self.rng.normal(size=(len(pos), 10)) * 0.01

    def reward(self, pos):
        d2 = ((pos[:, None, :] - self.places[None]) ** 2).sum(-1)
        return (self.heights * np.exp(-d2 / (2 * 0.3**2))).sum(1)

    def episodes(self, n):
        pos = self.rng.uniform(-1, 1, size=(n, 2))
        obs = self.observe(pos)
        actions = self.rng.integers(0, N_ACTIONS, size=(n, UNROLL))
        rewards = np.zeros((n, UNROLL))
        for k in range(UNROLL):
            pos = np.clip(pos + self.moves[actions[:, k]], -1, 1)
            rewards[:, k] = self.reward(pos)
        return (
            torch.tensor(obs, dtype=torch.float32),
            torch.tensor(actions, dtype=torch.long),
            torch.tensor(rewards, dtype=torch.float32),
        )


def scale_gradient(tensor, scale):
    return tensor * scale + tensor.detach() * (1 - scale)


class WorldModel(nn.Module):
    def __init__(self, obs_dim=10, latent=32, width=64):
        super().__init__()
        self.representation = nn.Sequential(nn.Linear(obs_dim, width), nn.ReLU(), nn.Linear(width, latent), nn.LayerNorm(latent))
        self.dynamics = nn.Sequential(nn.Linear(latent + N_ACTIONS, width), nn.ReLU(), nn.Linear(width, latent))
        self.norm = nn.LayerNorm(latent)
        self.reward_head = nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 1))

    def recurrent(self, state, action):
        onehot = F.one_hot(action, N_ACTIONS).float()
        state = self.norm(state + self.dynamics(torch.cat([state, onehot], dim=1)))
        return state, self.reward_head(state).squeeze(1)

    def forward(self, obs, actions):
        state = self.representation(obs)
        rewards = []
        for k in range(actions.shape[1]):
            state = scale_gradient(state, 0.5)
            state, r = self.recurrent(state, actions[:, k])
            rewards.append(r)
        return torch.stack(rewards, dim=1)


yard = Yard(SEED)
obs_tr, act_tr, rew_tr = yard.episodes(5000)
obs_te, act_te, rew_te = yard.episodes(1000)
r_mean, r_std = rew_tr.mean(), rew_tr.std()

model = WorldModel()
STEPS = 1400
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=1e-4)

for step in range(1, STEPS + 1):
    idx = torch.randint(0, len(obs_tr), (128,))
    predicted = model(obs_tr[idx], act_tr[idx])
    target = (rew_tr[idx] - r_mean) / r_std
    loss = sum(F.mse_loss(predicted[:, k], target[:, k]) for k in range(UNROLL)) / UNROLL
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 200 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    predicted = model(obs_te, act_te) * r_std + r_mean
for k in range(UNROLL):
    r2_k = 1 - ((predicted[:, k] - rew_te[:, k]) ** 2).mean() / rew_te[:, k].var()
    print(f"reward after {k + 1} actions: R2 {r2_k.item():.3f}")
r2 = 1 - ((predicted - rew_te) ** 2).mean() / rew_te.var()
print("RESULT reward_r2", round(r2.item(), 4))
