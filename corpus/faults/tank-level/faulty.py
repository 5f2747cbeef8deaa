"""Keep the level of many storage tanks at the set-point with a policy-gradient agent (value baseline, batched tanks)."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class TankBank:
    """Valve positions: 0 drain, 1 closed, 2 fill. The observation is the level error and the last unexplained drift."""

    def __init__(self, n, rng):
        self.n, self.rng = n, rng

    def reset(self):
        self.level = self.rng.uniform(-1, 1, self.n)
        self.leak = self.rng.uniform(-0.08, 0.08, self.n)
        self.drift = np.zeros(self.n)
        return self.observe()

    def observe(self):
        return torch.tensor(np.stack([self.level, 10 * self.drift], axis=1), dtype=torch.float32)

    def step(self, valve):
        self.drift = self.leak + 0.02 * self.rng.standard_normal(self.n)
        self.level = np.clip(self.level + 0.2 * (valve - 1) + self.drift, -3, 3)
        return self.observe(), -np.abs(self.level)


class Agent(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 3))
        self.value = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def dist(self, obs):
        return Categorical(logits=self.policy(obs))


class PolicyGradient:
    gamma = 0.9
    horizon = 25
    value_weight = 0.5
    entropy_weight = 0.01

    def __init__(self, agent, bank, lr=5e-3):
        self.agent, self.bank = agent, bank
        self.optimizer = torch.optim.Adam(agent.parameters(), lr=lr)

    def rollout(self):
        obs, observations, actions, rewards = self.bank.reset(), [], [], []
        for _ in range(self.horizon):
            with torch.no_grad():
                action = self.agent.dist(obs).sample()
            observations.append(obs)
            actions.append(action)
            obs, reward = self.bank.step(action.numpy())
            rewards.append(reward)
        return torch.stack(observations), torch.stack(actions), np.stack(rewards)

    def returns_to_go(self, rewards):
        out = np.zeros_like(rewards)
        running = np.zeros(rewards.shape[1])
        for t in reversed(range(len(rewards))):
            running = rewards[t] + self.gamma * running
            out[t] = running
        return torch.tensor(out, dtype=torch.float32)

    def update(self):
        obs, actions, rewards = self.rollout()
        returns = self.returns_to_go(rewards)
        values = self.agent.value(obs).squeeze(-1)
        advantage = (returns - values).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        dist = self.agent.dist(obs)
        policy_loss = (dist.log_prob(actions) * advantage).mean()
        value_loss = (values - returns).pow(2).mean()
        loss = policy_loss + self.value_weight * value_loss - self.entropy_weight * dist.entropy().mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), 5.0)
        self.optimizer.step()
        return loss.item(), rewards.mean()


@torch.no_grad()
def evaluate(agent, rng, n=400, steps=40):
    agent.eval()
    bank = TankBank(n, rng)
    obs, total = bank.reset(), 0.0
    for _ in range(steps):
        obs, reward = bank.step(agent.policy(obs).argmax(1).numpy())
        total += reward.mean()
    agent.train()
    return total / steps


def main():
    torch.manual_seed(SEED)
    agent = Agent()
    learner = PolicyGradient(agent, TankBank(64, np.random.default_rng(SEED)))
    for iteration in range(1, 161):
        loss, reward = learner.update()
        if iteration % 20 == 0:
            print(f"iteration {iteration:3d}  loss {loss:+.4f}  mean reward while sampling {reward:.4f}")
    score = evaluate(agent, np.random.default_rng(SEED + 777))
    print(f"RESULT mean_reward {score:.4f}")


if __name__ == "__main__":
    main()
