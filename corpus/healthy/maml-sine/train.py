import os
import torch
from torch.func import functional_call, grad, vmap

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

INNER_LR, SHOTS, TASKS, ITERS = 0.05, 10, 20, 700
net = torch.nn.Sequential(torch.nn.Linear(1, 40), torch.nn.Tanh(), torch.nn.Linear(40, 40), torch.nn.Tanh(), torch.nn.Linear(40, 1))
meta = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(meta, ITERS)


def sample_tasks(n):
    amp = torch.rand(n, 1, 1) * 2 + 0.5
    phase = torch.rand(n, 1, 1) * 3.1416
    x = torch.rand(n, 2 * SHOTS, 1) * 6 - 3
    return x / 1.73, amp * torch.sin(x + phase)


def mse(params, x, y):
    return torch.mean((functional_call(net, params, (x,)) - y) ** 2)


def query_loss(params, x, y, steps):
    fast = params
    for _ in range(steps):          # second order: the gradient of the inner steps is kept
        g = grad(mse)(fast, x[:SHOTS], y[:SHOTS])
        fast = {k: v - INNER_LR * g[k] for k, v in fast.items()}
    return mse(fast, x[SHOTS:], y[SHOTS:])


def over_tasks(xs, ys, steps):
    params = dict(net.named_parameters())
    return vmap(lambda x, y: query_loss(params, x, y, steps))(xs, ys).mean()


test_x, test_y = sample_tasks(200)
for it in range(ITERS):
    loss = over_tasks(*sample_tasks(TASKS), steps=1)
    meta.zero_grad()
    loss.backward()
    meta.step()
    sched.step()
    if it % 100 == 0 or it == ITERS - 1:
        with torch.no_grad():
            res = [over_tasks(test_x, test_y, s).item() for s in (0, 1, 5)]
        print(f"{it}: query loss {loss.item():.3f} | new tasks after 0, 1, 5 steps: " + ", ".join(f"{r:.3f}" for r in res))

print("RESULT mse_after_5_steps", round(res[2], 4))
