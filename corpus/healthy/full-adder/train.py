"""The smallest network I could get to be a full adder: 3 inputs, 2 outputs, 8 rows in all."""
import os

import torch

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

table = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
total = table.sum(1)
answers = torch.stack([total % 2, (total >= 2).float()], 1)      # sum bit, carry bit
inputs = 2 * table - 1


class Adder(torch.nn.Module):
    def __init__(self, hidden=5):
        super().__init__()
        self.hidden = torch.nn.Linear(3, hidden)
        self.output = torch.nn.Linear(hidden, 2)

    def forward(self, x):
        return torch.sigmoid(self.output(torch.tanh(self.hidden(x))))


net = Adder()
opt = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
for step in range(600):
    p = net(inputs)
    loss = torch.nn.functional.binary_cross_entropy(p, answers)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 60 == 0:
        bits = ((p > 0.5) == (answers > 0.5)).sum().item()
        print(f"step {step}: loss {loss.item():.5f}, {bits} of 16 bits right")

with torch.no_grad():
    p = net(inputs)
for row, out in zip(table.int().tolist(), p.round().int().tolist()):
    print(row, "->", out)
print("RESULT bits_right", round(((p > 0.5) == (answers > 0.5)).float().mean().item(), 4))
