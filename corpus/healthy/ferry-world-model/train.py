import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

CFG = dict(dt=0.1, rounds=3, episodes=40, episode_len=30, model_steps=300, control_steps=120, horizon=20, batch=96)


# ---------------------------------------------------------------- the real ferry (not differentiated)
@torch.no_grad()
def ferry(state, thrust):
    """Distance to the berth and speed; the current pushes away from the berth."""
    p, v = state.unbind(1)
    acc = 2.0 * thrust.squeeze(1).clamp(-1, 1) - 0.3 * v - 0.5 * v * v.abs() + 0.8 * torch.sin(1.5 * p)
    v = v + CFG["dt"] * acc + 0.002 * torch.randn_like(v)
    p = p + CFG["dt"] * v
    return torch.stack([p, v], dim=1)


def start(n):
    return torch.stack([3.0 * torch.rand(n) - 1.5, torch.rand(n) - 0.5], dim=1)


# ---------------------------------------------------------------- networks
class WorldModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))

    def rate(self, state, thrust):
        return self.net(torch.cat([state, thrust], dim=1))

    def forward(self, state, thrust):
        return state + CFG["dt"] * self.rate(state, thrust)


class Captain(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1), nn.Tanh())

    def forward(self, state):
        return self.net(state)


class Logbook:
    def __init__(self):
        self.rows = []

    def add(self, s, a, s2):
        self.rows.append((s, a, s2))

    def tensors(self):
        return tuple(torch.cat(part) for part in zip(*self.rows))


def drive(book, captain, n, noise):
    state = start(n)
    for _ in range(CFG["episode_len"]):
        with torch.no_grad():
            if captain is None:
                thrust = 2 * torch.rand(n, 1) - 1
            else:
                thrust = (captain(state) + noise * torch.randn(n, 1)).clamp(-1, 1)
        after = ferry(state, thrust)
        keep = after[:, 0].abs() < 4                      # beyond that the trip is called off
        book.add(state[keep], thrust[keep], after[keep])
        state = torch.where(keep.unsqueeze(1), after, start(n))


def set_trainable(module, flag):
    for p in module.parameters():
        p.requires_grad_(flag)


def learn_world(model, opt, book):
    set_trainable(model, True)
    s, a, s2 = book.tensors()
    target = (s2 - s) / CFG["dt"]
    for _ in range(CFG["model_steps"]):
        idx = torch.randint(0, len(s), (CFG["batch"],))
        loss = nn.functional.mse_loss(model.rate(s[idx], a[idx]), target[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


def learn_control(model, captain, opt):
    """Trips are imagined in the frozen model, the gradient runs through it into the captain."""
    set_trainable(model, False)
    first = last = None
    for _ in range(CFG["control_steps"]):
        state, cost = start(CFG["batch"]), 0.0
        for _ in range(CFG["horizon"]):
            thrust = captain(state)
            state = model(state, thrust)
            cost = cost + (state[:, 0] ** 2 + 0.1 * state[:, 1] ** 2 + 0.01 * thrust[:, 0] ** 2).mean()
        cost = cost / CFG["horizon"]
        opt.zero_grad()
        cost.backward()
        nn.utils.clip_grad_norm_(captain.parameters(), 1.0)
        opt.step()
        first, last = (cost.item() if first is None else first), cost.item()
    return first, last


@torch.no_grad()
def berthed(captain, n=300, steps=60):
    state = start(n)
    for _ in range(steps):
        state = ferry(state, captain(state))
    return ((state[:, 0].abs() < 0.15) & (state[:, 1].abs() < 0.2)).float().mean().item()


model, captain, book = WorldModel(), Captain(), Logbook()
model_opt = torch.optim.Adam(model.parameters(), lr=3e-3)
captain_opt = torch.optim.Adam(captain.parameters(), lr=5e-3)
drive(book, None, CFG["episodes"], noise=0.0)
for rnd in range(1, CFG["rounds"] + 1):
    model_loss = learn_world(model, model_opt, book)
    before, after = learn_control(model, captain, captain_opt)
    drive(book, captain, CFG["episodes"], noise=0.3)
    print(f"round {rnd}: {len(book.tensors()[0])} rows, model loss {model_loss:.5f}, "
          f"imagined cost {before:.3f} -> {after:.3f}, berthed {berthed(captain):.3f}")

print("RESULT berthed_share", round(berthed(captain), 4))
