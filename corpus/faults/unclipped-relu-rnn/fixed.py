import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
LENGTH = 30


def adding(n):
    values = torch.rand(n, LENGTH)
    marks = torch.zeros(n, LENGTH)
    for row in marks:
        row[torch.randperm(LENGTH)[:2]] = 1
    goal = (values * marks).sum(1, keepdim=True) - 1.0
    return torch.stack([values - 0.5, marks], 2), goal / 0.41


class ReluRNN(nn.Module):
    def __init__(self, n=40):
        super().__init__()
        self.n = n
        self.w_in = nn.Parameter(torch.randn(2, n) * 0.3)
        self.w_rec = nn.Parameter(torch.eye(n) * 1.0)
        self.bias = nn.Parameter(torch.zeros(n))
        self.out = nn.Linear(n, 1)

    def forward(self, x):
        h = torch.zeros(len(x), self.n)
        for t in range(x.size(1)):
            h = torch.relu(x[:, t] @ self.w_in + h @ self.w_rec + self.bias)
        return self.out(h)


x, y = adding(2000)
x_test, y_test = adding(500)
rnn = ReluRNN()
optimizer = torch.optim.SGD(rnn.parameters(), lr=0.02, momentum=0.9)
for epoch in range(20):
    acc = 0.0
    for i in torch.randperm(2000).split(40):
        loss = nn.functional.mse_loss(rnn(x[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rnn.parameters(), 0.5)
        optimizer.step()
        acc += loss.item() / 50
    if epoch % 2 == 0:
        print("epoch", epoch, "mse", acc)
with torch.no_grad():
    mse = nn.functional.mse_loss(rnn(x_test), y_test).item()
print(f"RESULT test_mse {mse:.4f}")
