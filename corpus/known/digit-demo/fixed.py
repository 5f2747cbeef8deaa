import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Trainer:
    """Small trainer of a demo page; keeps the running sums of every parameter itself."""

    def __init__(self, net, method="adam", learning_rate=0.01, beta1=0.9, beta2=0.999, momentum=0.9, eps=1e-8):
        self.net = net
        self.method = method
        self.learning_rate = learning_rate
        self.beta1, self.beta2 = beta1, beta2
        self.momentum = momentum
        self.eps = eps
        self.k = 0
        self.gsum = [torch.zeros_like(p) for p in net.parameters()]
        self.xsum = [torch.zeros_like(p) for p in net.parameters()]

    def train(self, x, y):
        loss = nn.functional.cross_entropy(self.net(x), y)
        grads = torch.autograd.grad(loss, list(self.net.parameters()))
        self.k += 1
        with torch.no_grad():
            for p, g, gsum, xsum in zip(self.net.parameters(), grads, self.gsum, self.xsum):
                if self.method == "adam":
                    gsum.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
                    xsum.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
                    bias_corr1 = gsum / (1 - self.beta1 ** self.k)
                    bias_corr2 = xsum / (1 - self.beta2 ** self.k)
                    p.sub_(self.learning_rate * bias_corr1 / (bias_corr2.sqrt() + self.eps))
                else:
                    gsum.mul_(self.momentum).add_(g)
                    p.sub_(self.learning_rate * gsum)
        return loss.item()


digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.25, random_state=SEED)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64, 10),
)
trainer = Trainer(net, method="adam")

for epoch in range(6):
    order = torch.randperm(len(x_train))
    total = 0.0
    for start in range(0, len(order), 20):
        pick = order[start:start + 20]
        total += trainer.train(x_train[pick], y_train[pick]) * len(pick)
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / len(order):.4f} test accuracy {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
