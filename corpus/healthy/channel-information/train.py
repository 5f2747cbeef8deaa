"""How much does the received signal tell of the sent one?  A neural lower bound of the mutual information (in nats).

The bound of Donsker and Varadhan is raised by gradient ascent:  E[T(sent, received)] - log E[exp T(sent, received of another)].
The channel is simulated, so that the true figure is known: a monotone distortion after the noise leaves it as it was.
"""
import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

PATHS, RHO = 3, 0.75
TRUE_NATS = -0.5 * PATHS * math.log(1 - RHO**2)


def make_channel():
    mix = torch.linalg.qr(torch.randn(PATHS, PATHS)).Q

    def transmit(n):
        sent = torch.randn(n, PATHS)
        received = RHO * sent @ mix + math.sqrt(1 - RHO**2) * torch.randn(n, PATHS)
        return sent, torch.asinh(2 * received)

    return transmit


def make_critic(width=64):
    return nn.Sequential(
        nn.Linear(2 * PATHS, width), nn.ELU(),
        nn.Linear(width, width), nn.ELU(),
        nn.Linear(width, 1),
    )


def make_bound(critic):
    def score(sent, received):
        return critic(torch.cat([sent, received], dim=1)).squeeze(1)

    def bound(sent, received, shuffles=1):
        together = score(sent, received).mean()
        apart = torch.cat([score(sent, received[torch.randperm(len(received))]) for _ in range(shuffles)])
        return together - (torch.logsumexp(apart, dim=0) - math.log(len(apart)))

    return bound


def ascend(critic, bound, sent, received, steps=1400, batch=512):
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3, maximize=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, 2 * (1 - s / steps)))
    smooth = 0.0
    order, at = torch.randperm(len(sent)), 0
    for step in range(1, steps + 1):
        if at + batch > len(sent):
            order, at = torch.randperm(len(sent)), 0
        pick = order[at:at + batch]
        at += batch

        nats = bound(sent[pick], received[pick])
        optimizer.zero_grad()
        nats.backward()
        optimizer.step()
        schedule.step()

        smooth += 0.02 * (nats.item() - smooth)
        if step % 200 == 0:
            print(f"step {step:5d}  bound {smooth / (1 - 0.98 ** step):.4f} nats")


transmit = make_channel()
sent, received = transmit(20000)
mean, std = received.mean(0), received.std(0)
test_sent, test_received = transmit(5000)

critic = make_critic()
bound = make_bound(critic)
ascend(critic, bound, sent, (received - mean) / std)

critic.eval()
with torch.no_grad():
    estimate = bound(test_sent, (test_received - mean) / std, shuffles=10).item()
print(f"on fresh signals {estimate:.3f} nats, truly {TRUE_NATS:.3f}")
print("RESULT share_of_information", round(estimate / TRUE_NATS, 4))
