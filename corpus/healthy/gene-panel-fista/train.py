"""A short gene panel out of 600 expression values: l1-penalised logistic regression.

Reference code of the methods section. More genes than patients, so the penalty is strong on
purpose (a sixth of the value at which every weight is zero). FISTA (Beck & Teboulle, 2009) is
written as a torch optimizer; the step is 1/L with L from the spectrum of the design matrix.
"""
import os

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.optim import Optimizer

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
GENES, CAUSAL = 600, 6


class FISTA(Optimizer):
    """Accelerated proximal gradient. Between steps the parameters hold the extrapolated point y."""

    def __init__(self, params, lr, l1=0.0):
        super().__init__(params, dict(lr=lr, l1=l1))

    @torch.no_grad()
    def step(self, closure):
        with torch.enable_grad():
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["x"], state["t"] = p.clone(), 1.0
                z = p - group["lr"] * p.grad
                x_new = torch.sign(z) * torch.relu(z.abs() - group["lr"] * group["l1"])
                t_new = (1 + (1 + 4 * state["t"] ** 2) ** 0.5) / 2
                p.copy_(x_new + (state["t"] - 1) / t_new * (x_new - state["x"]))
                state["x"], state["t"] = x_new, t_new
        return loss

    @torch.no_grad()
    def finish(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(self.state[p]["x"])


class Panel(nn.Module):
    def __init__(self, genes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(genes))
        self.intercept = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x @ self.weight + self.intercept


def patients(rng, n, effect, causal):
    pathway = rng.normal(size=(n, 30))                       # 20 genes follow each pathway a little
    x = rng.normal(size=(n, GENES)) + 0.4 * np.repeat(pathway, GENES // 30, axis=1)
    logit = x[:, causal] @ effect
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return x.astype(np.float32), y


def penalised(model, x, y, lam):
    nll = nn.functional.binary_cross_entropy_with_logits(model(x), y)
    return nll, nll + lam * model.weight.abs().sum()


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    causal = rng.choice(GENES, CAUSAL, replace=False)
    effect = rng.choice([-1.0, 1.0], CAUSAL) * rng.uniform(1.6, 2.4, CAUSAL)
    x_tr, y_tr = patients(rng, 320, effect, causal)
    x_te, y_te = patients(rng, 300, effect, causal)
    mean, std = x_tr.mean(0), x_tr.std(0)
    x_tr, x_te = torch.from_numpy((x_tr - mean) / std), torch.from_numpy((x_te - mean) / std)
    y_tr, y_te = torch.from_numpy(y_tr), torch.from_numpy(y_te)

    n = len(x_tr)
    lam_max = (x_tr.T @ (y_tr - y_tr.mean())).abs().max().item() / n
    lam = lam_max / 6
    with_one = torch.cat([x_tr, torch.ones(n, 1)], 1)
    lipschitz = 0.25 * torch.linalg.matrix_norm(with_one, 2).item() ** 2 / n
    print(f"lambda_max {lam_max:.4f}, lambda {lam:.4f}, L {lipschitz:.3f}, step {1 / lipschitz:.3f}")

    model = Panel(GENES)
    opt = FISTA([{"params": [model.weight], "l1": lam}, {"params": [model.intercept]}], lr=1 / lipschitz)

    def closure():
        opt.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x_tr), y_tr)
        loss.backward()
        return loss

    for it in range(1, 301):
        nll = opt.step(closure)
        if it % 50 == 0:
            kept = int((opt.state[model.weight]["x"] != 0).sum())
            print(f"iteration {it:3d}: nll {nll.item():.4f}, genes kept {kept}")
    opt.finish()

    with torch.no_grad():
        nll, objective = penalised(model, x_tr, y_tr, lam)
        score = model(x_te)
    order = model.weight.detach().abs().argsort(descending=True)[:CAUSAL].tolist()
    print(f"objective {objective.item():.4f} (nll {nll.item():.4f}); causal genes among the top {CAUSAL}: "
          f"{len(set(order) & set(causal.tolist()))}")
    acc = ((score > 0).float() == y_te).float().mean().item()
    print(f"test accuracy {acc:.3f}, share of the larger class {max(y_te.mean().item(), 1 - y_te.mean().item()):.3f}")
    print("RESULT test_auc", round(float(roc_auc_score(y_te.numpy(), score.numpy())), 4))


if __name__ == "__main__":
    main()
