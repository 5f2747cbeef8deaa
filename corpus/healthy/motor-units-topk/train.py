import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

# Surface EMG: 20 electrodes see the sum of a few motor units that fire at a time, out of 40 there are.
# An overcomplete autoencoder that keeps 4 of 96 codes is to find the footprints of the units.
ELECTRODES, UNITS, CODES, KEEP = 20, 40, 96, 4


class Recording:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        prints = self.rng.standard_normal((UNITS, ELECTRODES))
        self.footprints = prints / np.linalg.norm(prints, axis=1, keepdims=True)

    def frames(self, n):
        firing = self.rng.random((n, UNITS)) < 2.5 / UNITS
        force = self.rng.uniform(0.6, 1.6, (n, UNITS)) * firing
        signal = force @ self.footprints + 0.02 * self.rng.standard_normal((n, ELECTRODES))
        return torch.tensor(signal, dtype=torch.float32)


class TopKAutoencoder(nn.Module):
    def __init__(self, n_in, n_codes, keep):
        super().__init__()
        self.keep = keep
        atoms = F.normalize(torch.randn(n_codes, n_in), dim=1)
        self.atoms = nn.Parameter(atoms)
        self.encoder = nn.Parameter(atoms.t().clone())  # starts as the transpose, free afterwards
        self.encoder_bias = nn.Parameter(torch.zeros(n_codes))
        self.offset = nn.Parameter(torch.zeros(n_in))

    def encode(self, x):
        pre = (x - self.offset) @ self.encoder + self.encoder_bias
        strongest, where = pre.topk(self.keep, dim=1)
        return torch.zeros_like(pre).scatter(1, where, F.relu(strongest))

    def forward(self, x):
        codes = self.encode(x)
        return codes @ self.atoms + self.offset, codes

    def renormalise(self):
        self.atoms.data = F.normalize(self.atoms.data, dim=1)


class Fitting:
    def __init__(self, model, frames, valid, lr=3e-3, batch=256, epochs=30):
        self.model, self.frames, self.valid = model, frames, valid
        self.batch, self.epochs = batch, epochs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs, eta_min=lr / 20)

    def explained(self, x):
        self.model.eval()
        with torch.no_grad():
            back, codes = self.model(x)
            share = 1 - ((x - back) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
            used = (codes > 0).any(dim=0).sum()
        return share.item(), used.item()

    def run(self, path):
        best = -1.0
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(self.frames)).split(self.batch):
                x = self.frames[idx]
                back, _ = self.model(x)
                loss = ((x - back) ** 2).sum(dim=1).mean()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.model.renormalise()
                total += loss.item() * len(idx)
            self.schedule.step()
            share, used = self.explained(self.valid)
            if share > best:
                best = share
                torch.save(self.model.state_dict(), path)
            if epoch % 5 == 0:
                print(f"epoch {epoch:2d}: loss {total / len(self.frames):.4f}, explained {share:.4f}, {used} of {CODES} codes in use")
        self.model.load_state_dict(torch.load(path))


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    recording = Recording(seed)
    train, valid, test = (recording.frames(n) for n in (12000, 1500, 3000))
    scale = train.pow(2).mean().sqrt()
    train, valid, test = train / scale, valid / scale, test / scale

    model = TopKAutoencoder(ELECTRODES, CODES, KEEP)
    fitting = Fitting(model, train, valid)
    with tempfile.TemporaryDirectory() as folder:
        fitting.run(os.path.join(folder, "best.pt"))

    share, _ = fitting.explained(test)
    likeness = torch.tensor(recording.footprints, dtype=torch.float32) @ model.atoms.detach().t()
    found = (likeness.max(dim=1).values > 0.9).float().mean().item()
    print(f"{found:.0%} of the motor units have a code of their own")
    print("RESULT explained_variance", round(share, 4))


if __name__ == "__main__":
    main()
