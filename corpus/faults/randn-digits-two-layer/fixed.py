import os
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
g = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
perm = torch.randperm(len(d.target), generator=g)
x = torch.tensor(d.data, dtype=torch.float32)[perm]
x = (x - 4.9) / 6.0
y = torch.tensor(d.target)[perm]
n_train = 1400

n_hidden = 100
W1 = torch.randn((64, n_hidden), generator=g) * 64 ** -0.5
b1 = torch.zeros(n_hidden)
W2 = torch.randn((n_hidden, n_hidden), generator=g) * n_hidden ** -0.5
b2 = torch.zeros(n_hidden)
W3 = torch.randn((n_hidden, 10), generator=g) * 0.01
b3 = torch.zeros(10)
parameters = [W1, b1, W2, b2, W3, b3]
print(sum(p.nelement() for p in parameters), "parameters")
for p in parameters:
    p.requires_grad = True


def logits(v):
    v = torch.tanh(v @ W1 + b1)
    v = torch.tanh(v @ W2 + b2)
    return v @ W3 + b3


max_steps, batch_size = 1500, 32
lossi = []
for i in range(max_steps):
    ix = torch.randint(0, n_train, (batch_size,), generator=g)
    loss = F.cross_entropy(logits(x[ix]), y[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 1200 else 0.02
    for p in parameters:
        p.data += -lr * p.grad
    if i % 150 == 0:
        print(f"{i:7d}/{max_steps:7d}: {loss.item():.4f}")
    lossi.append(loss.log10().item())

with torch.no_grad():
    acc = (logits(x[n_train:]).argmax(1) == y[n_train:]).float().mean().item()
print(f"RESULT val_accuracy {acc:.4f}")
