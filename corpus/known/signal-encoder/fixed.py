import os

import torch

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

DEPTH_1 = 16
OUT_DEPTH = 1
STDDEV = 0.3
LR = 1e-3


def get_variable(*shape):
    return (torch.randn(*shape) * STDDEV).requires_grad_()


W = get_variable(1, DEPTH_1)
b = get_variable(DEPTH_1)
W1 = get_variable(DEPTH_1, DEPTH_1)
b1 = get_variable(DEPTH_1)
W2 = get_variable(DEPTH_1, OUT_DEPTH)
b2 = get_variable(OUT_DEPTH)
variables = [W, b, W1, b1, W2, b2]


def estimate(signal):
    O = torch.relu(signal @ W + b)
    O1 = torch.relu(O @ W1 + b1)
    O2 = O1 @ W2 + b2
    return 2.0 * O2


grid = torch.linspace(-1, 1, 201).unsqueeze(1)
opt = torch.optim.SGD(variables, lr=LR)

for i in range(10000):
    sample = 2.0 * torch.rand(1, 1) - 1.0
    distance = (sample - estimate(sample)).square().sum()
    opt.zero_grad()
    distance.backward()
    torch.nn.utils.clip_grad_value_(variables, 4.5)
    opt.step()
    if (i + 1) % 1000 == 0:
        with torch.no_grad():
            mse = (grid - estimate(grid)).square().mean().item()
        print(f"{i + 1:6d}  distance {distance.item():.5f}  mse over the range {mse:.5f}")

print(f"RESULT mse {mse:.5f}")
