"""
MADE: an autoencoder that is made autoregressive by masks on its weights, here on binarised digits.
Reported are nats a picture, exact, not a bound.
"""
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
np.random.seed(seed)
torch.manual_seed(seed)


# ------------------------------------------------------------------------------
class MaskedLinear(nn.Linear):
    """ a linear layer some of whose connections do not exist """

    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.register_buffer("mask", torch.ones(out_features, in_features))

    def set_mask(self, allowed):                # allowed: (in, out) booleans
        self.mask.copy_(torch.from_numpy(allowed.T.astype(np.float32)))

    def forward(self, x):
        return F.linear(x, self.mask * self.weight, self.bias)


class MADE(nn.Module):
    def __init__(self, nin, hidden_sizes):
        super().__init__()
        self.nin = nin
        sizes = [nin] + list(hidden_sizes) + [nin]
        layers = []
        for h0, h1 in zip(sizes[:-1], sizes[1:]):
            layers += [MaskedLinear(h0, h1), nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])  # no relu at the end
        self.direct = MaskedLinear(nin, nin)    # from the pixels straight to the later ones

        # degrees: unit k may see the inputs up to its degree, output i only what lies before i
        degrees = [np.arange(nin)]
        for h in hidden_sizes:
            degrees.append(np.random.randint(degrees[-1].min(), nin - 1, size=h))
        masked = [m for m in self.net if isinstance(m, MaskedLinear)]
        for layer, m0, m1 in zip(masked[:-1], degrees[:-1], degrees[1:]):
            layer.set_mask(m0[:, None] <= m1[None, :])
        masked[-1].set_mask(degrees[-1][:, None] < degrees[0][None, :])
        self.direct.set_mask(degrees[0][:, None] < degrees[0][None, :])

    def forward(self, x):
        return self.net(x) + self.direct(x)

    @torch.no_grad()
    def sample(self, n):
        x = torch.zeros(n, self.nin)
        for i in range(self.nin):
            x[:, i] = torch.bernoulli(torch.sigmoid(self(x)[:, i]))
        return x


# ------------------------------------------------------------------------------
print("loading binarised digits")
pixels = (load_digits().data > 7.5).astype(np.float32)
pixels = torch.from_numpy(pixels[np.random.permutation(len(pixels))])
xtr, xva, xte = pixels[:1250], pixels[1250:1450], pixels[1450:]

model = MADE(64, [128, 128])
print("number of model parameters:", sum(p.numel() for p in model.parameters()))
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(opt, step_size=15, gamma=0.3)

# causality by experiment: no output may move when its own pixel or a later one does
with torch.no_grad():
    probe = xtr[:1].repeat(64, 1)
    flipped = probe + torch.diag(1 - 2 * probe[0])
    moved = (model(flipped) - model(probe)).abs() > 1e-5        # row i: pixel i flipped
    assert not torch.tril(moved.float()).any(), "an output sees its own pixel or a later one"


def nll(x):
    return F.binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)


def run_epoch(split):
    model.train(split == "train")
    if split != "train":
        with torch.no_grad():
            return nll({"val": xva, "test": xte}[split]).item()
    losses = []
    for batch in torch.randperm(len(xtr)).split(50):
        loss = nll(xtr[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return float(np.mean(losses))


best, patience = float("inf"), 0
with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "made.pt")
    for epoch in range(45):
        tr = run_epoch("train")
        va = run_epoch("val")
        scheduler.step()
        if va < best:
            best, patience = va, 0
            torch.save(model.state_dict(), path)
        else:
            patience += 1
        if epoch % 5 == 0:
            print("epoch %d, train %.3f, val %.3f, best %.3f nats" % (epoch, tr, va, best))
        if patience >= 8:
            print("stopping early at epoch", epoch)
            break
    model.load_state_dict(torch.load(path))

# every pixel by itself, the thing to beat
p = (xtr.sum(0) + 1) / (len(xtr) + 2)
single = F.binary_cross_entropy(p.expand_as(xte), xte, reduction="sum").item() / len(xte)
test = run_epoch("test")
samples = model.sample(200)
for row in torch.cat([s.view(8, 8) for s in samples[:6]], dim=1):
    print("".join("#" if v else "." for v in row.tolist()))
print("ink of the samples %.3f, of the digits %.3f" % (samples.mean().item(), xte.mean().item()))
print("pixels by themselves %.3f nats" % single)
print("RESULT test_nats", round(test, 4))
