"""Which coupon for which customer, learned from an old random campaign by advantage-weighted regression."""
import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.set_num_threads(1)
torch.manual_seed(SEED)

N_FEATURES, N_COUPONS = 8, 5
BETA = 0.8            # temperature of the advantage weights


def make_market(rng):
    slope = rng.normal(size=(N_FEATURES, N_COUPONS)) * 1.2 / np.sqrt(N_FEATURES)
    turn = rng.uniform(0.5, 1.5, N_COUPONS)
    phase = rng.uniform(0, 2 * np.pi, N_COUPONS)

    def profit(x):
        return x @ slope + 0.4 * np.cos(x[:, :1] * turn + phase)

    return profit


def make_campaign(n, profit, rng):
    x = rng.normal(size=(n, N_FEATURES))
    mean = profit(x)
    action = rng.integers(0, N_COUPONS, n)
    reward = mean[np.arange(n), action] + 0.3 * rng.normal(size=n)
    return (torch.tensor(x, dtype=torch.float32), torch.tensor(action, dtype=torch.long),
            torch.tensor(reward, dtype=torch.float32), torch.tensor(mean, dtype=torch.float32))


def mlp(n_out, width=48):
    return nn.Sequential(nn.Linear(N_FEATURES, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                         nn.Linear(width, n_out))


def make_critic_step(critic, lr):
    opt = torch.optim.Adam(critic.parameters(), lr=lr)

    def step(x, reward):
        loss = nn.functional.mse_loss(critic(x).squeeze(-1), reward)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.item()

    return step


def make_actor_step(actor, critic, lr):
    opt = torch.optim.Adam(actor.parameters(), lr=lr, weight_decay=5e-4)

    def step(x, action, reward):
        with torch.no_grad():
            advantage = reward - critic(x).squeeze(-1)
            # the weights of the batch sum to one: exp(A / beta), normalised over the examples
            weight = torch.softmax(advantage / BETA, dim=0)
        nll = nn.functional.cross_entropy(actor(x), action, reduction="none")
        loss = (weight * nll).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.item(), (1.0 / weight.pow(2).sum()).item()

    return step


@torch.no_grad()
def share_of_possible(actor, x, mean):
    """0 is a random coupon, 1 the best coupon for everybody."""
    actor.eval()
    chosen = actor(x).argmax(1)
    actor.train()
    got = mean.gather(1, chosen[:, None]).mean()
    chance, best = mean.mean(), mean.max(1).values.mean()
    return ((got - chance) / (best - chance)).item(), (chosen == mean.argmax(1)).float().mean().item()


def batches(n, size):
    while True:
        yield from torch.randperm(n).split(size)


def main(steps=1000, batch_size=256, warmup=200):
    rng = np.random.default_rng(SEED)
    profit = make_market(rng)
    x, action, reward, _ = make_campaign(8000, profit, rng)
    x_new, _, _, mean_new = make_campaign(1500, profit, rng)

    critic, actor = mlp(1), mlp(N_COUPONS)
    critic_step = make_critic_step(critic, 2e-3)
    actor_step = make_actor_step(actor, critic, 2e-3)

    stream = batches(len(x), batch_size)
    for step in range(1, steps + 1):
        idx = next(stream)
        critic_loss = critic_step(x[idx], reward[idx])
        if step <= warmup:
            continue
        actor_loss, effective = actor_step(x[idx], action[idx], reward[idx])
        if step % 200 == 0:
            share, agree = share_of_possible(actor, x_new, mean_new)
            print(f"step {step:5d}  critic {critic_loss:.3f}  actor {actor_loss:.3f}  effective batch {effective:5.1f}"
                  f"  share of the possible gain {share:.3f}  best coupon {agree:.3f}")

    share, _ = share_of_possible(actor, x_new, mean_new)
    print("RESULT share_of_possible_gain", round(share, 4))


main()
