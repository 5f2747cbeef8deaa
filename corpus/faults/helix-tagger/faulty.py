"""Secondary structure of synthetic proteins, one tag per residue (helix, strand, coil)."""
import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
AMINO, LENGTH, TAGS = 20, 32, 3


def proteins(n, rng, propensity):
    residues = rng.integers(0, AMINO, (n, LENGTH))
    score = propensity[residues]                                   # (n, length, tags)
    padded = np.pad(score, ((0, 0), (2, 2), (0, 0)))
    window = sum(padded[:, k:k + LENGTH] for k in range(5))
    return torch.from_numpy(residues), torch.from_numpy(window.argmax(-1))


class Tagger(nn.Module):
    def __init__(self, emb=16, channels=32, hidden=24):
        super().__init__()
        self.emb = nn.Embedding(AMINO, emb)
        self.conv = nn.Conv1d(emb, channels, 5, padding=2)
        self.rnn = nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.1)
        self.tag = nn.Linear(2 * hidden, TAGS)

    def forward(self, residues):
        h = self.emb(residues).transpose(1, 2)
        h = torch.relu(self.conv(h)).transpose(1, 2)
        out, _ = self.rnn(h)
        return self.tag(self.drop(out))


class LitTagger:
    """The hooks of our runner: configure_optimizers, training_step, validation_epoch."""

    def __init__(self):
        self.net = Tagger()
        self.loss = nn.CrossEntropyLoss()

    def configure_optimizers(self):
        return torch.optim.Adam(self.net.parameters(), lr=1e-6)

    def training_step(self, batch):
        residues, tags = batch
        return self.loss(self.net(residues).reshape(-1, TAGS), tags.reshape(-1))

    def validation_epoch(self, data):
        residues, tags = data
        pred = self.net(residues).argmax(-1)
        return {"acc": (pred == tags).float().mean().item(),
                "f1": f1_score(tags.flatten().numpy(), pred.flatten().numpy(), average="macro")}


class Runner:
    def __init__(self, max_epochs, batch_size):
        self.max_epochs, self.batch_size = max_epochs, batch_size

    def fit(self, module, train, val):
        optimizer = module.configure_optimizers()
        for epoch in range(1, self.max_epochs + 1):
            module.net.train()
            losses = []
            for idx in torch.randperm(len(train[0])).split(self.batch_size):
                loss = module.training_step((train[0][idx], train[1][idx]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            metrics = self.validate(module, val)
            if epoch % 3 == 0:
                print(f"epoch {epoch:2d} | loss {np.mean(losses):.4f} | acc {metrics['acc']:.4f} | f1 {metrics['f1']:.4f}")
        return metrics

    @torch.no_grad()
    def validate(self, module, val):
        module.net.eval()
        return module.validation_epoch(val)


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    propensity = rng.standard_normal((AMINO, TAGS))
    train, val = proteins(900, rng, propensity), proteins(200, rng, propensity)
    result = Runner(max_epochs=12, batch_size=30).fit(LitTagger(), train, val)
    print(f"RESULT val_macro_f1 {result['f1']:.4f}")
