"""Logistic regression on questionnaires whose answers are 20 % random: the loss cannot go far below 0.5."""
import os
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

n, d, flip = 5000, 30, 0.2
X = torch.randn(n, d) @ (torch.eye(d) + 0.2 * torch.randn(d, d) / d ** 0.5)
true_w = torch.randn(d) * (torch.rand(d) < 0.4) * 4
clean = (X @ true_w + 1.0 > 0).float()
noisy = torch.where(torch.rand(n) < flip, 1 - clean, clean)
mean, std = X[:4000].mean(0), X[:4000].std(0)
X = (X - mean) / std

w = torch.zeros(d, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
opt = torch.optim.Rprop([w, b], lr=0.01)


def objective(rows):
    logits = X[rows] @ w + b
    return F.binary_cross_entropy_with_logits(logits, noisy[rows])


train, test = torch.arange(4000), torch.arange(4000, n)
for it in range(40):
    opt.zero_grad()
    loss = objective(train) + 1e-3 * w.square().sum()
    loss.backward()
    opt.step()
    if it % 4 == 0:
        with torch.no_grad():
            print(f"iteration {it} train {loss.item():.4f} test {objective(test).item():.4f}")

with torch.no_grad():
    pred = (X[test] @ w + b > 0).float()
print("agreement with the noisy answers:", round((pred == noisy[test]).float().mean().item(), 4), "at best about", 1 - flip)
print("RESULT accuracy_clean", round((pred == clean[test]).float().mean().item(), 4))
