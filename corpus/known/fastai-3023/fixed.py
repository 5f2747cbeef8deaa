import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class CancelStepException(Exception):
    pass


class GradientAccumulation:
    """Run the optimizer only when `n_acc` samples have been seen."""

    def __init__(self, n_acc=32):
        self.n_acc = n_acc

    def before_fit(self, learn):
        self.count = 0

    def after_loss(self, learn):
        learn.loss_grad = learn.loss_grad / (self.n_acc / len(learn.yb))
        self.count += len(learn.yb)

    def before_step(self, learn):
        if self.count < self.n_acc:
            raise CancelStepException()
        self.count = 0


class Learner:
    def __init__(self, dls, model, loss_func, opt, cbs=()):
        self.dls, self.model, self.loss_func, self.opt, self.cbs = dls, model, loss_func, opt, list(cbs)

    def __call__(self, event):
        for cb in self.cbs:
            getattr(cb, event, lambda learn: None)(self)

    def one_batch(self, xb, yb):
        self.xb, self.yb = xb, yb
        self.pred = self.model(xb)
        self.loss = self.loss_grad = self.loss_func(self.pred, yb)
        self("after_loss")
        self.loss_grad.backward()
        try:
            self("before_step")
            self.opt.step()
            self.opt.zero_grad()
        except CancelStepException:
            pass

    def validate(self):
        self.model.eval()
        x, y = self.dls["valid"]
        with torch.no_grad():
            return (self.model(x).argmax(1) == y).float().mean().item()

    def fit(self, n_epoch, bs):
        self("before_fit")
        x, y = self.dls["train"]
        for epoch in range(n_epoch):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(bs):
                self.one_batch(x[idx], y[idx])
                total += self.loss.item() * len(idx)
            print(f"{epoch:3d}  train_loss {total / len(x):9.5f}  accuracy {self.validate():.4f}")


data = load_digits()
x = torch.tensor(data.data / 16.0, dtype=torch.float32)
y = torch.tensor(data.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
dls = {"train": (x[:1408], y[:1408]), "valid": (x[1408:], y[1408:])}

model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
learn = Learner(dls, model, F.cross_entropy, opt, cbs=[GradientAccumulation(n_acc=64)])
learn.fit(12, bs=4)
print(f"RESULT accuracy {learn.validate():.4f}")
