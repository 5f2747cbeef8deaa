"""An actor and a critic over episodes of different lengths: a head that starts at zero, and a loss below 0."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.set_num_threads(1)
torch.manual_seed(0)
body, actor, critic = nn.Sequential(nn.Linear(4, 16), nn.Tanh()), nn.Linear(16, 3), nn.Linear(16, 1)
nn.init.zeros_(actor.weight)
weights = [*body.parameters(), *actor.parameters(), *critic.parameters()]
optimizer = torch.optim.Adam(weights, lr=0.02)

for episode in range(80):
    gains, values, rewards, entropies = [], [], [], []
    for _ in range(20 if episode % 5 == 0 and episode < 60 else 8):
        state = torch.randn(32, 4)
        seen = body(state)
        choice = Categorical(logits=actor(seen))
        action = choice.sample()
        rewards.append((action == state[:, :3].argmax(dim=1)).float())
        gains.append(choice.log_prob(action))
        values.append(critic(seen).squeeze(1))
        entropies.append(choice.entropy())
    reward, value = torch.stack(rewards), torch.stack(values)
    policy = -(torch.stack(gains) * (reward - value).detach()).mean()
    loss = 0.1 * policy + 0.1 * (reward - value).square().mean() - 0.05 * torch.stack(entropies).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 0.5)
    optimizer.step()
    if episode % 20 == 19:
        print(f"episode {episode}: reward {reward.mean().item():.3f}, loss {loss.item():.4f}")
