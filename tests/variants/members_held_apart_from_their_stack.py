"""Train an ensemble at once, by the stack of its members' parameters."""

import torch
from torch import nn
from torch.func import functional_call, stack_module_state

torch.manual_seed(0)

x = torch.rand(400, 2) * 2 - 1
y = torch.sin(3 * x[:, 0]) * x[:, 1]
members = [nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1)) for _ in range(4)]
stack, buffers = stack_module_state(members)
held = [p for member in members for p in member.parameters()]
optimizer = torch.optim.Adam(held, lr=5e-3)  # expect: params-not-in-optimizer
# cure: optimizer = torch.optim.Adam(list(stack.values()), lr=5e-3)


def one(parameters, rows):
    return functional_call(members[0], (parameters, {}), (rows,))


for _ in range(30):
    for batch in torch.randperm(400).split(40):
        answers = torch.vmap(one, in_dims=(0, None))(stack, x[batch]).squeeze(-1)
        loss = ((answers - y[batch]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
