import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

HISTORY, OBS = 12, 8


class TemporalLastPooling(nn.Module):
    def forward(self, features):
        return features[:, -1, :]


class TemporalAttentionPooling(nn.Module):
    """Weighted sum of the features of a history."""

    def __init__(self, features_in):
        super().__init__()
        self.attention_pooling = nn.Sequential(nn.Conv1d(features_in, 1, kernel_size=1), nn.Softmax(dim=1))

    def forward(self, features):
        x = features.transpose(1, 2)
        x_a = self.attention_pooling(x)
        return (x * x_a).sum(dim=2)


class StateNet(nn.Module):
    """observation net -> pooling over the history -> main net."""

    def __init__(self, features=24, hidden=64):
        super().__init__()
        self.observation_net = nn.Linear(OBS, features)
        self.last = TemporalLastPooling()
        self.attention = TemporalAttentionPooling(features)
        self.main_net = nn.Sequential(
            nn.Linear(2 * features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, states):
        x = self.observation_net(states)
        x = torch.cat([self.last(x), self.attention(x)], dim=1)
        return self.main_net(x).squeeze(1)


def rollouts(n):
    """Histories of a walker; the value depends on the state at foot contact and on the present one."""
    states = torch.randn(n, HISTORY, OBS)
    contact = torch.randint(HISTORY - 1, (n,))
    states[:, :, 0] = 0.0
    states[torch.arange(n), contact, 0] = 1.0
    at_contact, now = states[torch.arange(n), contact], states[:, -1]
    value = torch.sin(1.5 * at_contact[:, 1]) + 0.7 * at_contact[:, 2] * at_contact[:, 3].sign() + 0.3 * now[:, 4]
    return states, value + 0.05 * torch.randn(n)


train_states, train_values = rollouts(5000)
test_states, test_values = rollouts(1000)
critic = StateNet()
optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
criterion = nn.SmoothL1Loss()

for epoch in range(14):
    critic.train()
    total = 0.0
    for idx in torch.randperm(len(train_values)).split(64):
        loss = criterion(critic(train_states[idx]), train_values[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if (epoch + 1) % 2 == 0:
        print(f"epoch {epoch + 1}: value loss {total / len(train_values):.4f}")

critic.eval()
with torch.no_grad():
    mse = F.mse_loss(critic(test_states), test_values)
    r2 = (1 - mse / test_values.var()).item()
print(f"RESULT r2 {r2:.4f}")
