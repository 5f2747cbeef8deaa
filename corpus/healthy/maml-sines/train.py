import os
import math
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

WIDTH, INNER_LR, TASKS = 40, 0.05, 8


def init_params():
    def layer(i, o):
        return [(torch.randn(o, i) * math.sqrt(1.0 / i)).requires_grad_(), torch.zeros(o, requires_grad=True)]
    return layer(1, WIDTH) + layer(WIDTH, WIDTH) + layer(WIDTH, 1)


def net(x, p):
    h = torch.tanh(F.linear(x, p[0] * 1.5, p[1]))
    h = torch.tanh(F.linear(h, p[2], p[3]))
    return F.linear(h, p[4], p[5])


def sine_task():
    amp, phase = 0.5 + 1.5 * torch.rand(()), math.pi * torch.rand(())
    def draw(n):
        x = torch.rand(n, 1) * 4 - 2
        return x, amp * torch.sin(2 * x + phase)
    return draw


def adapt(params, x, y, steps=2, create_graph=True):
    fast = params
    for _ in range(steps):
        grads = torch.autograd.grad(F.mse_loss(net(x, fast), y), fast, create_graph=create_graph)
        fast = [p - INNER_LR * g for p, g in zip(fast, grads)]
    return fast


meta = init_params()
opt = torch.optim.Adam(meta, lr=3e-3)
for it in range(500):
    meta_loss = 0.0
    for _ in range(TASKS):
        draw = sine_task()
        fast = adapt(meta, *draw(10))
        xq, yq = draw(20)
        meta_loss = meta_loss + F.mse_loss(net(xq, fast), yq) / TASKS
    opt.zero_grad()
    meta_loss.backward()
    opt.step()
    if it % 100 == 0:
        print(f"iteration {it}: loss after adaptation {meta_loss.item():.4f}")

before = after = 0.0
for _ in range(60):
    draw = sine_task()
    fast = adapt(meta, *draw(10), create_graph=False)
    xq, yq = draw(100)
    with torch.no_grad():
        before += F.mse_loss(net(xq, meta), yq).item() / 60
        after += F.mse_loss(net(xq, fast), yq).item() / 60
print(f"before adaptation {before:.4f}")
print(f"RESULT mse_after_adaptation {after:.4f}")
