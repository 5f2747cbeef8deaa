import os
import numpy as np
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

data = load_digits()
perm = np.random.RandomState(seed).permutation(len(data.target))
X = torch.tensor(data.data[perm] / 16 - 0.3, dtype=torch.float32)
Y = torch.tensor(data.target[perm])
X_train, Y_train, X_test, Y_test = X[:1437], Y[:1437], X[1437:], Y[1437:]

W1 = (torch.randn(64, 40) * 0.15).requires_grad_()
b1 = torch.zeros(40, requires_grad=True)
W2 = (torch.randn(40, 10) * 0.15).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
weights = [W1, b1, W2, b2]
learning_rate = 0.1


def model(x):
    hidden = torch.tanh(x @ W1 + b1)
    return hidden @ W2 + b2


for epoch in range(40):
    losses = []
    for batch in torch.randperm(len(X_train)).split(32):
        loss = torch.nn.functional.cross_entropy(model(X_train[batch]), Y_train[batch])
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for w in weights:
                w -= learning_rate * w.grad
    if epoch % 4 == 0:
        print(f"epoch {epoch} loss {np.mean(losses):.4f}")

with torch.no_grad():
    acc = (model(X_test).argmax(1) == Y_test).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
