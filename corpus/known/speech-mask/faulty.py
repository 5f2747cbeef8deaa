import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FRAMES, BINS = 20, 24


def utterances(n):
    """Magnitude spectra of voiced sounds (a comb of harmonics) with and without noise."""
    clean = np.zeros((n, FRAMES, BINS), dtype=np.float32)
    for i in range(n):
        pitch = rng.integers(3, 7)
        start, stop = rng.integers(0, 5), rng.integers(15, FRAMES + 1)
        comb = np.arange(pitch - 1, BINS, pitch)
        clean[i, start:stop, comb] = rng.uniform(1.2, 3.0, (len(comb), 1))
    noise = np.abs(0.4 * rng.standard_normal(clean.shape)).astype(np.float32)
    return torch.from_numpy(clean + noise), torch.from_numpy(clean)


class MaskNet(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.rnn = nn.GRU(BINS, hidden, batch_first=True)
        self.out = nn.Linear(hidden, BINS)

    def forward(self, feats):
        h, _ = self.rnn(feats)
        return torch.sigmoid(self.out(h))


class Enhancer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def compute_forward(self, noisy):
        mask = self.model(torch.log1p(noisy))
        return torch.log1p(mask * noisy)

    def compute_objectives(self, predict, clean):
        loss = F.mse_loss(predict, torch.log1p(clean))
        loss = Variable(loss.data, requires_grad=True)
        return loss

    def fit_batch(self, noisy, clean):
        self.optimizer.zero_grad()
        loss = self.compute_objectives(self.compute_forward(noisy), clean)
        loss.backward()
        self.optimizer.step()
        return loss.item()


train_noisy, train_clean = utterances(400)
test_noisy, test_clean = utterances(100)
enhancer = Enhancer(MaskNet(), lr=5e-3)

for epoch in range(15):
    enhancer.model.train()
    losses = [enhancer.fit_batch(train_noisy[idx], train_clean[idx]) for idx in torch.randperm(400).split(20)]
    print(f"epoch: {epoch + 1}, train loss: {np.mean(losses):.5f}")

enhancer.model.eval()
with torch.no_grad():
    reference = torch.log1p(test_clean)
    before = F.mse_loss(torch.log1p(test_noisy), reference).item()
    after = F.mse_loss(enhancer.compute_forward(test_noisy), reference).item()
print(f"RESULT noise_reduction {1 - after / before:.4f}")
