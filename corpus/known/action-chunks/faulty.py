import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

CHUNK = 16


def demonstrations(n):
    """Observation: position and goal. Action chunk: CHUNK planar displacements of a reaching movement."""
    obs = torch.rand(n, 4) * 2 - 1
    way = obs[:, 2:] - obs[:, :2]
    side = torch.stack([-way[:, 1], way[:, 0]], dim=1)
    tau = (torch.arange(CHUNK) + 0.5) / CHUNK
    bell = (6 * tau * (1 - tau)).view(1, CHUNK, 1)
    swing = (0.8 * torch.cos(math.pi * tau)).view(1, CHUNK, 1)
    actions = way.unsqueeze(1) * bell + side.unsqueeze(1) * swing
    return obs, actions + 0.02 * torch.randn_like(actions)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=512):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, :x.size(1)]


class ChunkPolicy(nn.Module):
    def __init__(self, d_model=32, nhead=4, layers=2, action_dim=2):
        super().__init__()
        self.d_model = d_model
        self.position_proj = nn.Linear(2, d_model)
        self.goal_proj = nn.Linear(2, d_model)
        self.query_pos = PositionalEncoding(d_model)
        layer = nn.TransformerDecoderLayer(d_model, nhead, dim_feedforward=96, dropout=0.0)
        self.decoder = nn.TransformerDecoder(layer, layers)
        self.action_head = nn.Linear(d_model, action_dim)

    def forward(self, obs):
        memory = torch.stack([self.position_proj(obs[:, :2]), self.goal_proj(obs[:, 2:])], dim=0)
        queries = torch.zeros(CHUNK, obs.size(0), self.d_model)
        out = self.decoder(self.query_pos(queries), memory)
        return self.action_head(out).transpose(0, 1)


obs, actions = demonstrations(2400)
scale = actions[:2000].std()
actions = actions / scale
loader = DataLoader(TensorDataset(obs[:2000], actions[:2000]), batch_size=80, shuffle=True)
val_obs, val_actions = obs[2000:], actions[2000:]

policy = ChunkPolicy()
optimizer = torch.optim.AdamW(policy.parameters(), lr=2e-3, weight_decay=1e-4)

for epoch in range(24):
    policy.train()
    running = 0.0
    for o, a in loader:
        loss = F.l1_loss(policy(o), a)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    policy.eval()
    with torch.no_grad():
        val_l1 = F.l1_loss(policy(val_obs), val_actions).item()
    print(f"epoch {epoch:2d}  l1 {running / len(loader):.4f}  val l1 {val_l1:.4f}")

print(f"RESULT val_l1 {val_l1:.4f}")
