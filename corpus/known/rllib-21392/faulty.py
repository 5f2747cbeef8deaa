"""Recurrent policy cloned from an expert; episodes of unequal length, zero-padded to max_seq_len."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

OBS_DIM, MAX_SEQ_LEN = 4, 40


def collect_episodes(n):
    """Observations, lengths, and the expert's action: the channel with the largest fading sum."""
    seq_lens = rng.integers(4, 13, n)
    obs = np.zeros((n, MAX_SEQ_LEN, OBS_DIM), dtype=np.float32)
    actions = np.zeros(n, dtype=np.int64)
    for i, length in enumerate(seq_lens):
        obs[i, :length] = rng.normal(size=(length, OBS_DIM))
        fading = np.zeros(OBS_DIM)
        for t in range(length):
            fading = 0.5 * fading + obs[i, t]
        actions[i] = fading.argmax()
    return torch.from_numpy(obs), torch.from_numpy(seq_lens), torch.from_numpy(actions)


class LSTMWrapper(nn.Module):
    def __init__(self, cell_size=32, num_outputs=OBS_DIM):
        super().__init__()
        self.embed = nn.Linear(OBS_DIM, cell_size)
        self.lstm = nn.LSTM(cell_size, cell_size, batch_first=True)
        self.logits_branch = nn.Linear(cell_size, num_outputs)

    def forward(self, obs, seq_lens):
        outputs, _ = self.lstm(torch.tanh(self.embed(obs)))
        state = outputs[:, -1]
        return self.logits_branch(state)


obs, seq_lens, actions = collect_episodes(2400)
val_obs, val_lens, val_actions = collect_episodes(600)
model = LSTMWrapper()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(7):
    model.train()
    losses = []
    for ids in torch.randperm(len(obs)).split(64):
        loss = F.cross_entropy(model(obs[ids], seq_lens[ids]), actions[ids])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        acc = (model(val_obs, val_lens).argmax(1) == val_actions).float().mean().item()
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}  agreement with expert {acc:.4f}")

print("RESULT val_accuracy", round(acc, 4))
