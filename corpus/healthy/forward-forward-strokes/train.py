import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim

# Forward-forward (Hinton 2022): no backward pass through the network. A layer is to answer strongly to a picture that
# carries its right label and weakly to one with a wrong label.

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
np.random.seed(seed)
torch.manual_seed(seed)

THRESHOLD = 1.0
SHARPNESS = 3.0
LABEL_HEIGHT = 2.0
EPOCHS = 50
BATCH = 64


def rms_normalise(v):
    return v / (v.pow(2).mean(1, keepdim=True).sqrt() + 1e-4)


def overlay(pixels, labels):
    return torch.cat([pixels, LABEL_HEIGHT * F.one_hot(labels, 10).float()], dim=1)


class FFLayer(nn.Linear):
    def __init__(self, n_in, n_out, lr=3e-3):
        super().__init__(n_in, n_out)
        self.opt = optim.Adam(self.parameters(), lr=lr)

    def forward(self, v):
        # only the direction of the activity below is passed, its length was the goodness there
        return torch.relu(super().forward(rms_normalise(v)))

    @staticmethod
    def goodness(h):
        return h.pow(2).mean(1)

    def learn(self, v_pos, v_neg):
        h_pos, h_neg = self(v_pos), self(v_neg)
        loss = (F.softplus(SHARPNESS * (THRESHOLD - self.goodness(h_pos))).mean()
                + F.softplus(SHARPNESS * (self.goodness(h_neg) - THRESHOLD)).mean())
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return h_pos.detach(), h_neg.detach(), loss.item()


class FFNet:
    def __init__(self, sizes):
        self.layers = [FFLayer(a, b) for a, b in zip(sizes[:-1], sizes[1:])]

    def learn(self, pixels, labels):
        wrong = (labels + torch.randint(1, 10, labels.shape)) % 10
        pos, neg = overlay(pixels, labels), overlay(pixels, wrong)
        losses = []
        for layer in self.layers:
            pos, neg, loss = layer.learn(pos, neg)
            losses.append(loss)
        return losses

    @torch.no_grad()
    def predict(self, pixels):
        scores = []
        for label in range(10):
            v = overlay(pixels, torch.full((len(pixels),), label))
            total = torch.zeros(len(pixels))
            for layer in self.layers:
                v = layer(v)
                total += layer.goodness(v)
            scores.append(total)
        return torch.stack(scores, dim=1).argmax(1)


digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    (digits.data / 16.0).astype(np.float32), digits.target.astype(np.int64), test_size=0.25, stratify=digits.target,
    random_state=seed)
X_train, X_test, y_train, y_test = map(torch.from_numpy, (X_train, X_test, y_train, y_test))

net = FFNet([64 + 10, 200, 200])
for epoch in range(1, EPOCHS + 1):
    sums, steps = np.zeros(len(net.layers)), 0
    for idx in torch.randperm(len(X_train)).split(BATCH):
        sums += net.learn(X_train[idx], y_train[idx])
        steps += 1
    if epoch % 10 == 0 or epoch == 1:
        train_acc = (net.predict(X_train) == y_train).float().mean().item()
        print(f"epoch {epoch:2d}  layer losses {np.round(sums / steps, 3)}  train accuracy {train_acc:.3f}")

accuracy = (net.predict(X_test) == y_test).float().mean().item()
print("RESULT test_accuracy", round(accuracy, 4))
