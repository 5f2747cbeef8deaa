import argparse
import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

# Temperature of a greenhouse by TD3: heater/vent with a lag, weather that wanders.


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    p.add_argument("--env-steps", type=int, default=1300)
    p.add_argument("--start-steps", type=int, default=60)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--gamma", type=float, default=0.95)
    p.add_argument("--tau", type=float, default=0.02)
    p.add_argument("--policy-noise", type=float, default=0.2)
    p.add_argument("--noise-clip", type=float, default=0.4)
    p.add_argument("--expl-noise", type=float, default=0.2)
    p.add_argument("--policy-delay", type=int, default=2)
    return p.parse_args([])


class Greenhouses:
    """n houses side by side; state: deviation from the set point, heater state, weather."""

    def __init__(self, n, horizon=50):
        self.n, self.horizon = n, horizon

    def reset(self):
        dev = 3 * torch.rand(self.n) - 1.5
        self.s = torch.stack([dev, torch.zeros(self.n), 0.4 * torch.randn(self.n)], 1)
        self.t = 0
        return self.s.clone()

    def step(self, a):
        dev, heat, out = self.s.unbind(1)
        new_dev = dev + 0.2 * (-0.3 * dev + 1.5 * heat + 0.8 * out)
        new_heat = heat + 0.5 * (a.squeeze(1) - heat)
        new_out = 0.97 * out + 0.1 * torch.randn(self.n)
        self.s = torch.stack([new_dev, new_heat, new_out], 1)
        self.t += 1
        cost = new_dev ** 2 + 0.05 * a.squeeze(1) ** 2
        return self.s.clone(), -cost, self.t >= self.horizon


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Tanh())

    def forward(self, s):
        return self.net(s)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        make = lambda: nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        self.q1, self.q2 = make(), make()

    def forward(self, s, a):
        sa = torch.cat([s, a], 1)
        return self.q1(sa), self.q2(sa)

    def first(self, s, a):
        return self.q1(torch.cat([s, a], 1))


class Replay:
    def __init__(self, size):
        self.s, self.a, self.r, self.s2 = (torch.zeros(size, d) for d in (3, 1, 1, 3))
        self.n = 0

    def add(self, s, a, r, s2):
        k = len(s)
        sl = slice(self.n, self.n + k)
        self.s[sl], self.a[sl], self.r[sl], self.s2[sl] = s, a, r.unsqueeze(1), s2
        self.n += k

    def sample(self, k):
        i = torch.randint(0, self.n, (k,))
        return self.s[i], self.a[i], self.r[i], self.s2[i]


@torch.no_grad()
def mean_cost(policy, n=200, horizon=50):
    env = Greenhouses(n, horizon)
    s, total = env.reset(), 0.0
    for _ in range(horizon):
        s, r, _ = env.step(policy(s))
        total -= r.mean().item() / horizon
    return total


def soft_update(target, source, tau):
    with torch.no_grad():
        for tp, sp in zip(target.parameters(), source.parameters()):
            tp.lerp_(sp, tau)


def main():
    args = get_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    n_env = 16
    env = Greenhouses(n_env)
    actor, critic = Actor(), Critic()
    actor_target, critic_target = copy.deepcopy(actor).requires_grad_(False), copy.deepcopy(critic).requires_grad_(False)
    opt_a = torch.optim.Adam(actor.parameters(), lr=1e-3)
    opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)
    memory = Replay(args.env_steps * n_env)

    s = env.reset()
    for step in range(1, args.env_steps + 1):
        if step <= args.start_steps:
            a = 2 * torch.rand(n_env, 1) - 1
        else:
            with torch.no_grad():
                a = (actor(s) + args.expl_noise * torch.randn(n_env, 1)).clamp(-1, 1)
        s2, r, over = env.step(a)
        memory.add(s, a, r, s2)
        s = env.reset() if over else s2      # the horizon is a time limit: targets bootstrap beyond it
        if step <= args.start_steps:
            continue

        bs, ba, br, bs2 = memory.sample(args.batch)
        with torch.no_grad():
            eps = (args.policy_noise * torch.randn_like(ba)).clamp(-args.noise_clip, args.noise_clip)
            a2 = (actor_target(bs2) + eps).clamp(-1, 1)
            t1, t2 = critic_target(bs2, a2)
            target = br + args.gamma * torch.min(t1, t2)
        q1, q2 = critic(bs, ba)
        loss_c = F.mse_loss(q1, target) + F.mse_loss(q2, target)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()

        if step % args.policy_delay == 0:
            loss_a = -critic.first(bs, actor(bs)).mean()
            opt_a.zero_grad()
            loss_a.backward()
            opt_a.step()
            soft_update(critic_target, critic, args.tau)
            soft_update(actor_target, actor, args.tau)
        if step % 200 == 0:
            print(f"step {step} critic {loss_c.item():.4f} q {q1.mean().item():.3f} cost {mean_cost(actor, 64):.4f}")

    idle = mean_cost(lambda x: torch.zeros(len(x), 1))
    final = mean_cost(actor)
    print(f"mean cost per step: heater off {idle:.4f}, TD3 {final:.4f}")
    print("RESULT cost_saved", round(1 - final / idle, 4))


if __name__ == "__main__":
    main()
