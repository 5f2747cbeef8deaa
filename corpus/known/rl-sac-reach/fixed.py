import argparse
import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Normal

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--tau", default=0.02, type=float)
parser.add_argument("--learning_rate", default=2e-3, type=float)
parser.add_argument("--gamma", default=0.9, type=float)
parser.add_argument("--alpha", default=0.05, type=float)
parser.add_argument("--capacity", default=20000, type=int)
parser.add_argument("--iteration", default=900, type=int)
parser.add_argument("--batch_size", default=128, type=int)
parser.add_argument("--seed", default=int(os.environ.get("SEED", "0")), type=int)
args = parser.parse_args()
torch.manual_seed(args.seed)

STATE_DIM, ACTION_DIM, EPISODE = 2, 1, 10


class SliderEnv:
    """Bring a slider to a mark and hold it there. Observation: position and mark."""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.x = torch.empty(self.n, 1).uniform_(-1, 1)
        self.mark = torch.empty(self.n, 1).uniform_(-0.8, 0.8)
        return torch.cat([self.x, self.mark], 1)

    def step(self, a):
        self.x = (self.x + a).clamp(-1.5, 1.5)
        return torch.cat([self.x, self.mark], 1), -(self.x - self.mark) ** 2


class Actor(nn.Module):
    def __init__(self, state_dim, hidden=64, min_log_std=-10, max_log_std=2):
        super().__init__()
        self.fc1 = nn.Linear(state_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.mu_head = nn.Linear(hidden, ACTION_DIM)
        self.log_std_head = nn.Linear(hidden, ACTION_DIM)
        self.min_log_std = min_log_std
        self.max_log_std = max_log_std

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        mu = self.mu_head(x)
        log_std = self.log_std_head(x)
        log_std = torch.clamp(log_std, self.min_log_std, self.max_log_std)
        return mu, log_std


class Q(nn.Module):
    def __init__(self, state_dim, action_dim, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(state_dim + action_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)

    def forward(self, s, a):
        x = F.relu(self.fc1(torch.cat((s, a), -1)))
        return self.fc3(F.relu(self.fc2(x)))


class SAC:
    def __init__(self):
        self.policy_net = Actor(STATE_DIM)
        self.q1, self.q2 = Q(STATE_DIM, ACTION_DIM), Q(STATE_DIM, ACTION_DIM)
        self.target_q1, self.target_q2 = copy.deepcopy(self.q1), copy.deepcopy(self.q2)
        self.policy_optimizer = optim.Adam(self.policy_net.parameters(), lr=args.learning_rate)
        self.q_params = list(self.q1.parameters()) + list(self.q2.parameters())
        self.q_optimizer = optim.Adam(self.q_params, lr=args.learning_rate)
        width = 2 * STATE_DIM + ACTION_DIM + 1
        self.buffer = torch.zeros(args.capacity, width)
        self.num_transition = 0

    def evaluate(self, state):
        mu, log_std = self.policy_net(state)
        dist = Normal(mu, log_std.exp())
        z = dist.rsample()
        action = torch.tanh(z)
        log_prob = dist.log_prob(z) - torch.log(1 - action.pow(2) + 1e-6)
        return action, log_prob.sum(1, keepdim=True)

    @torch.no_grad()
    def select_action(self, state):
        return self.evaluate(state)[0]

    def store(self, s, a, r, s_):
        index = torch.arange(self.num_transition, self.num_transition + len(s)) % args.capacity
        self.buffer[index] = torch.cat([s, a, r, s_], 1)
        self.num_transition += len(s)

    def update(self):
        size = min(self.num_transition, args.capacity)
        batch = self.buffer[torch.randint(0, size, (args.batch_size,))]
        s, a, r, s_ = batch.split([STATE_DIM, ACTION_DIM, 1, STATE_DIM], dim=1)

        with torch.no_grad():
            next_a, next_log_prob = self.evaluate(s_)
            next_q = torch.min(self.target_q1(s_, next_a), self.target_q2(s_, next_a))
            target = r + args.gamma * (next_q - args.alpha * next_log_prob)
        q_loss = F.mse_loss(self.q1(s, a), target) + F.mse_loss(self.q2(s, a), target)
        self.q_optimizer.zero_grad()
        q_loss.backward()
        self.q_optimizer.step()

        new_a, log_prob = self.evaluate(s)
        new_q = torch.min(self.q1(s, new_a), self.q2(s, new_a))
        pi_loss = (args.alpha * log_prob - new_q).mean()
        self.policy_optimizer.zero_grad()
        pi_loss.backward()
        self.policy_optimizer.step()

        with torch.no_grad():
            for net, target_net in ((self.q1, self.target_q1), (self.q2, self.target_q2)):
                for p, tp in zip(net.parameters(), target_net.parameters()):
                    tp.mul_(1 - args.tau).add_(args.tau * p)
        return q_loss.item(), pi_loss.item()


agent, env = SAC(), SliderEnv(16)
state = env.reset()
for i in range(60):
    action = torch.empty(16, 1).uniform_(-1, 1)
    next_state, reward = env.step(action)
    agent.store(state, action, reward, next_state)
    state = env.reset() if (i + 1) % EPISODE == 0 else next_state

state, ep_r = env.reset(), 0.0
for i in range(1, args.iteration + 1):
    action = agent.select_action(state)
    next_state, reward = env.step(action)
    agent.store(state, action, reward, next_state)
    ep_r += reward.mean().item()
    q_loss, pi_loss = agent.update()
    state = next_state
    if i % EPISODE == 0:
        if i % 100 == 0:
            print(f"step {i:4d} q_loss {q_loss:.4f} pi_loss {pi_loss:.4f} episode return {ep_r:.3f}")
        state, ep_r = env.reset(), 0.0

test_env, total = SliderEnv(300), 0.0
state = test_env.reset()
for _ in range(EPISODE):
    state, reward = test_env.step(agent.select_action(state))
    total += reward.mean().item()
print(f"RESULT episode_return {total:.4f}")
