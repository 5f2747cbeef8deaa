"""Soft actor-critic with an automatic temperature, for a one-step task: which offer to show a visitor."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))

N_FEATURES, N_OFFERS = 6, 5


class Shop:
    def __init__(self, generator):
        self.g = generator
        self.taste = torch.randn(N_FEATURES, N_OFFERS, generator=generator)

    def visitors(self, n):
        return torch.randn(n, N_FEATURES, generator=self.g)

    def reward(self, visitor, offer):
        mean = torch.tanh(visitor @ self.taste).gather(1, offer[:, None]).squeeze(1)
        return mean + 0.2 * torch.randn(len(visitor), generator=self.g)


def mlp(n_in, n_out, width=48):
    return nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_out))


class Agent:
    def __init__(self, target_entropy):
        self.actor = mlp(N_FEATURES, N_OFFERS)
        self.critic = mlp(N_FEATURES, N_OFFERS)
        self.log_alpha = torch.zeros((), requires_grad=True)
        self.target_entropy = target_entropy
        self.actor_opt = torch.optim.Adam(self.actor.parameters(), lr=2e-3)
        self.critic_opt = torch.optim.Adam(self.critic.parameters(), lr=3e-3)
        self.alpha_opt = torch.optim.Adam([self.log_alpha], lr=1e-2)

    @torch.no_grad()
    def act(self, visitor):
        return torch.distributions.Categorical(logits=self.actor(visitor)).sample()

    def update(self, visitor, offer, reward):
        value = self.critic(visitor).gather(1, offer[:, None]).squeeze(1)
        critic_loss = F.mse_loss(value, reward)
        self.critic_opt.zero_grad()
        critic_loss.backward()
        self.critic_opt.step()

        log_pi = F.log_softmax(self.actor(visitor), dim=1)
        pi = log_pi.exp()
        with torch.no_grad():
            q = self.critic(visitor)
        alpha = self.log_alpha.exp().detach()
        actor_loss = (pi * (alpha * log_pi - q)).sum(1).mean()
        self.actor_opt.zero_grad()
        actor_loss.backward()
        self.actor_opt.step()

        mean_log_pi = (pi * log_pi).sum(1).detach()
        alpha_loss = -(self.log_alpha * (mean_log_pi + self.target_entropy)).mean()
        self.alpha_opt.zero_grad()
        alpha_loss.backward()
        self.alpha_opt.step()
        return critic_loss.item(), -mean_log_pi.mean().item()


def main(rounds=900, batch=64):
    torch.manual_seed(SEED)
    shop = Shop(torch.Generator().manual_seed(SEED + 1))
    agent = Agent(target_entropy=0.2 * math.log(N_OFFERS))
    for k in range(rounds):
        visitor = shop.visitors(batch)
        offer = agent.act(visitor)
        reward = shop.reward(visitor, offer)
        critic_loss, entropy = agent.update(visitor, offer, reward)
        if (k + 1) % 200 == 0:
            print(f"round {k + 1:5d} reward {reward.mean().item():+.3f} critic {critic_loss:.3f} "
                  f"entropy {entropy:.3f} alpha {agent.log_alpha.exp().item():.4f}")

    visitor = shop.visitors(3000)
    reward = shop.reward(visitor, agent.act(visitor))
    print(f"RESULT mean_reward {reward.mean().item():.4f}")


if __name__ == "__main__":
    main()
