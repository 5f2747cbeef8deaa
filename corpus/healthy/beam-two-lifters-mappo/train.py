"""Two jacks lift a beam to a wanted height. Each jack has its own policy and sees only its own error and the
tilt; one critic sees everything (centralised training, decentralised execution)."""
import os

import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

CFG = {
    "n_env": 64, "horizon": 25, "iterations": 130, "epochs": 3, "clip": 0.2,
    "gamma": 0.95, "lam": 0.9, "entropy": 0.01, "lr_actor": 3e-3, "lr_critic": 5e-3,
}


class BeamEnv:
    """All environments in one tensor. Actions 0, 1, 2 = lower, hold, raise; gravity pulls all the time."""
    stroke = torch.tensor([0.08, 0.06])       # the second jack is the weaker one

    def __init__(self, n, horizon):
        self.n, self.horizon = n, horizon

    def reset(self):
        self.h = 0.2 + 0.6 * torch.rand(self.n, 2)
        self.goal = 0.2 + 0.6 * torch.rand(self.n, 1)
        self.t = 0
        return self.local(), self.world()

    def local(self):
        err = self.goal - self.h                       # n x 2
        tilt = self.h.flip(1) - self.h                 # n x 2
        return torch.stack([3 * err, 3 * tilt], dim=2)     # n x agent x feature

    def world(self):
        clock = torch.full((self.n, 1), 1 - self.t / self.horizon)
        return torch.cat([3 * (self.goal - self.h), clock], dim=1)

    def step(self, action):
        self.h = self.h + (action - 1).float() * self.stroke - 0.02 + 0.01 * torch.randn(self.n, 2)
        self.t += 1
        err = (self.goal - self.h).abs()
        reward = -0.5 * (err.sum(1) + (self.h[:, 0] - self.h[:, 1]).abs())
        return self.local(), self.world(), reward


def mlp(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, n_out))


class Team:
    def __init__(self, cfg):
        self.cfg = cfg
        self.actors = nn.ModuleList([mlp(2, 3), mlp(2, 3)])
        self.critic = mlp(3, 1)
        self.opt_actors = [torch.optim.Adam(a.parameters(), lr=cfg["lr_actor"]) for a in self.actors]
        self.opt_critic = torch.optim.Adam(self.critic.parameters(), lr=cfg["lr_critic"])

    @torch.no_grad()
    def act(self, obs, greedy=False):
        actions, logps = [], []
        for k, actor in enumerate(self.actors):
            dist = Categorical(logits=actor(obs[:, k]))
            a = dist.probs.argmax(1) if greedy else dist.sample()
            actions.append(a)
            logps.append(dist.log_prob(a))
        return torch.stack(actions, 1), torch.stack(logps, 1)

    @torch.no_grad()
    def collect(self, env):
        obs, world = env.reset()
        store = {k: [] for k in ("obs", "world", "act", "logp", "rew")}
        for _ in range(self.cfg["horizon"]):
            act, logp = self.act(obs)
            store["obs"].append(obs)
            store["world"].append(world)
            obs, world, rew = env.step(act)
            store["act"].append(act)
            store["logp"].append(logp)
            store["rew"].append(rew)
        batch = {k: torch.stack(v) for k, v in store.items()}           # T x n x ...
        value = self.critic(batch["world"]).squeeze(-1)
        adv, running, nxt = torch.zeros_like(value), torch.zeros(env.n), torch.zeros(env.n)
        for t in reversed(range(self.cfg["horizon"])):                  # the episode ends with the horizon
            delta = batch["rew"][t] + self.cfg["gamma"] * nxt - value[t]
            running = delta + self.cfg["gamma"] * self.cfg["lam"] * running
            adv[t], nxt = running, value[t]
        batch["ret"] = adv + value
        batch["adv"] = (adv - adv.mean()) / (adv.std() + 1e-8)
        return {k: v.flatten(0, 1) for k, v in batch.items()}, batch["rew"].sum(0).mean().item()

    def update(self, b):
        for _ in range(self.cfg["epochs"]):
            for k, (actor, opt) in enumerate(zip(self.actors, self.opt_actors)):
                dist = Categorical(logits=actor(b["obs"][:, k]))
                ratio = (dist.log_prob(b["act"][:, k]) - b["logp"][:, k]).exp()
                clipped = ratio.clamp(1 - self.cfg["clip"], 1 + self.cfg["clip"])
                gain = torch.min(ratio * b["adv"], clipped * b["adv"]).mean()
                loss = -gain - self.cfg["entropy"] * dist.entropy().mean()
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
                opt.step()
            v_loss = nn.functional.mse_loss(self.critic(b["world"]).squeeze(-1), b["ret"])
            self.opt_critic.zero_grad()
            v_loss.backward()
            self.opt_critic.step()
        return v_loss.item()


def level_rate(policy, horizon, n=400):
    """Share of beams with both ends within 0.12 of the wanted height, on average over the last five moves."""
    env = BeamEnv(n, horizon)
    obs, _ = env.reset()
    late = []
    for t in range(horizon):
        obs, _, _ = env.step(policy(obs))
        if t >= horizon - 5:
            late.append((env.goal - env.h).abs())
    return (torch.stack(late).mean(0).max(1).values < 0.12).float().mean().item()


team, env = Team(CFG), BeamEnv(CFG["n_env"], CFG["horizon"])
for it in range(1, CFG["iterations"] + 1):
    batch, episode_return = team.collect(env)
    v_loss = team.update(batch)
    if it % 13 == 0:
        print(f"iteration {it:4d}  return {episode_return:8.3f}  value loss {v_loss:.4f}")

by_chance = level_rate(lambda o: torch.randint(0, 3, (len(o), 2)), CFG["horizon"])
trained = level_rate(lambda o: team.act(o, greedy=True)[0], CFG["horizon"])
print(f"random jacks level {by_chance:.3f} of the beams, the trained pair {trained:.3f}")
print("RESULT level_rate", round(trained, 4))
