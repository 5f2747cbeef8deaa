"""
Behaviour cloning of a guide robot.

At the entrance of a corridor the robot is told which of four doors it has to take; some metres further on, at
the junction, it has to remember. The recorder writes one corridor after another, so a stream of 24 steps holds
several of them.
"""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

DOORS, STRAIGHT = 4, 4
OBS_DIM = DOORS + 4
STEPS = 24


def record(n_streams):
    obs = np.zeros((n_streams, STEPS, OBS_DIM), dtype=np.float32)
    act = np.full((n_streams, STEPS), STRAIGHT, dtype=np.int64)
    first = np.zeros((n_streams, STEPS), dtype=np.float32)
    obs[:, :, DOORS + 1:DOORS + 3] = 0.5 * rng.normal(size=(n_streams, STEPS, 2))
    for i in range(n_streams):
        t = 0
        while t < STEPS:
            length = int(rng.integers(5, 9))
            door = int(rng.integers(DOORS))
            end = min(t + length, STEPS)
            first[i, t] = 1.0
            obs[i, t, door] = 1.0
            obs[i, t:end, DOORS] = np.arange(end - t) / 8.0
            if t + length <= STEPS:
                obs[i, end - 1, DOORS + 3] = 1.0
                act[i, end - 1] = door
            t = end
    return torch.from_numpy(obs), torch.from_numpy(act), torch.from_numpy(first)


class RecurrentPolicy(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.hidden = hidden
        self.inp = nn.Linear(OBS_DIM, 32)
        self.cell = nn.GRUCell(32, hidden)
        self.out = nn.Linear(hidden, DOORS + 1)

    def forward(self, obs, first):
        h = obs.new_zeros(obs.shape[0], self.hidden)
        x = torch.relu(self.inp(obs))
        states = []
        for t in range(obs.shape[1]):
            h = h * first[:, t].unsqueeze(1)
            h = self.cell(x[:, t], h)
            states.append(h)
        return self.out(torch.stack(states, dim=1))


def junction_accuracy(policy, obs, act, first):
    policy.eval()
    with torch.no_grad():
        choice = policy(obs, first).argmax(-1)
    at_junction = obs[:, :, DOORS + 3] > 0.5
    return (choice[at_junction] == act[at_junction]).float().mean().item()


def main(epochs=40, batch=50):
    train = record(600)
    test = record(200)
    policy = RecurrentPolicy()
    opt = torch.optim.Adam(policy.parameters(), lr=5e-3)
    for epoch in range(1, epochs + 1):
        policy.train()
        total = 0.0
        order = torch.randperm(len(train[0]))
        for idx in order.split(batch):
            obs, act, first = (t[idx] for t in train)
            logits = policy(obs, first)
            loss = F.cross_entropy(logits.reshape(-1, DOORS + 1), act.reshape(-1))
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            opt.step()
            total += loss.item() * len(idx)
        if epoch % 4 == 0:
            print(f"epoch {epoch:2d} cloning loss {total / len(order):.4f} "
                  f"right door {junction_accuracy(policy, *test):.3f}")
    return junction_accuracy(policy, *test)


if __name__ == "__main__":
    print(f"RESULT right_door {main():.4f}")
