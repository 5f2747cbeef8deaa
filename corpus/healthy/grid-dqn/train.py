import os
import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
random.seed(seed)
torch.manual_seed(seed)

N, GOAL, LIMIT = 5, (4, 4), 30
PITS = {(1, 1), (1, 3), (3, 0), (3, 2), (2, 4)}
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
FREE = [(r, c) for r in range(N) for c in range(N) if (r, c) not in PITS and (r, c) != GOAL]


def step(s, a):
    r, c = s[0] + MOVES[a][0], s[1] + MOVES[a][1]
    s2 = (min(max(r, 0), N - 1), min(max(c, 0), N - 1))
    if s2 == GOAL:
        return s2, 1.0, True
    if s2 in PITS:
        return s2, -1.0, True
    return s2, -0.02, False


def encode(states):
    idx = torch.tensor([r * N + c for r, c in states])
    return F.one_hot(idx, N * N).float()


def make_q():
    return nn.Sequential(nn.Linear(N * N, 64), nn.ReLU(), nn.Linear(64, len(MOVES)))


def success_rate(q):
    wins = 0
    for start in FREE:
        s = start
        for _ in range(LIMIT):
            with torch.no_grad():
                s, reward, done = step(s, q(encode([s])).argmax(1).item())
            if done:
                wins += reward > 0
                break
    return wins / len(FREE)


q, q_target = make_q(), make_q()
q_target.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q.parameters(), lr=2e-3)
memory = deque(maxlen=5000)
GAMMA, BATCH, TOTAL = 0.95, 64, 3000
s, t, td = random.choice(FREE), 0, []
for i in range(1, TOTAL + 1):
    eps = max(0.1, 1.0 - i / (0.6 * TOTAL))
    if random.random() < eps:
        a = random.randrange(4)
    else:
        with torch.no_grad():
            a = q(encode([s])).argmax(1).item()
    s2, reward, done = step(s, a)
    memory.append((s, a, reward, s2, done))
    s, t = s2, t + 1
    if done or t >= LIMIT:
        s, t = random.choice(FREE), 0
    if len(memory) >= 200 and i % 2 == 0:
        ss, aa, rr, nn_, dd = zip(*random.sample(memory, BATCH))
        with torch.no_grad():
            best = q(encode(nn_)).argmax(1, keepdim=True)
            future = q_target(encode(nn_)).gather(1, best).squeeze(1)
            target = torch.tensor(rr) + GAMMA * future * (1 - torch.tensor(dd, dtype=torch.float32))
        value = q(encode(ss)).gather(1, torch.tensor(aa)[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(value, target)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(q.parameters(), 5.0)
        opt.step()
        td.append(loss.item())
    if i % 100 == 0:
        q_target.load_state_dict(q.state_dict())
    if i % 500 == 0:
        print(f"step {i}  eps {eps:.2f}  td loss {sum(td[-200:]) / len(td[-200:]):.4f}  solved from {success_rate(q):.2f} of the cells")

print("RESULT success_rate", round(success_rate(q), 4))
