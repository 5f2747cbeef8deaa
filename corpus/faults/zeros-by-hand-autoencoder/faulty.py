import os
import numpy as np
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

data = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
data = data[torch.randperm(len(data))]
center = data[:1500].mean(0)
train, test = data[:1500] - center, data[1500:] - center


class AutoEncoder:
    def __init__(self, sizes):
        self.weights, self.biases = [], []
        for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
            w = torch.zeros(fan_in, fan_out)
            self.weights.append(w.requires_grad_(True))
            self.biases.append(torch.zeros(fan_out, requires_grad=True))

    def __call__(self, x):
        last = len(self.weights) - 1
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = x @ w + b
            if i != last:
                x = torch.tanh(x)
        return x

    def parameters(self):
        return self.weights + self.biases


ae = AutoEncoder([64, 48, 12, 48, 64])
opt = torch.optim.Adam(ae.parameters(), lr=2e-3)
for epoch in range(40):
    errs = []
    for batch in train[torch.randperm(1500)].split(50):
        loss = ((ae(batch) - batch) ** 2).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        errs.append(loss.item())
    if epoch % 5 == 0:
        print(epoch, np.round(np.mean(errs), 4))

with torch.no_grad():
    kept = 1 - ((ae(test) - test) ** 2).sum() / (test ** 2).sum()
print(f"RESULT explained {kept.item():.4f}")
