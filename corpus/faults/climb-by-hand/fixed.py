import os
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = load_breast_cancer(return_X_y=True)
p = torch.randperm(569)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)[p]
y = torch.tensor(y, dtype=torch.float32)[p]
theta = {
    "w1": torch.randn(30, 12) * 30 ** -0.5, "b1": torch.zeros(12),
    "w2": torch.randn(12, 1) * 12 ** -0.5, "b2": torch.zeros(1),
}
for v in theta.values():
    v.requires_grad_(True)


def f(x, t):
    return (torch.tanh(x @ t["w1"] + t["b1"]) @ t["w2"] + t["b2"]).squeeze(1)


eta = 0.1
for epoch in range(30):
    for rows in torch.randperm(430).split(43):
        out = f(X[rows], theta)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(out, y[rows])
        grads = torch.autograd.grad(loss, list(theta.values()))
        with torch.no_grad():
            for v, g in zip(theta.values(), grads):
                v.sub_(eta * g)
    if epoch % 5 == 0:
        print(epoch, "loss", round(loss.item(), 4))
with torch.no_grad():
    acc = ((f(X[430:], theta) > 0) == (y[430:] > 0.5)).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
