import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

D, N_ROWS, N_KEEP, EPOCHS, BATCH = 48, 8, 4, 22, 100


def stack(depth):
    layer = nn.TransformerEncoderLayer(D, nhead=4, dim_feedforward=2 * D, dropout=0.0, activation="gelu",
                                       batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(D), enable_nested_tensor=False)


class MaskedAutoencoder(nn.Module):
    """Sees half the rows of a picture and says the others."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, D)
        self.place = nn.Parameter(0.5 * torch.randn(1, N_ROWS, D))
        self.encoder = stack(2)
        self.bridge = nn.Linear(D, D)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, D))
        self.decoder_place = nn.Parameter(0.5 * torch.randn(1, N_ROWS, D))
        self.decoder = stack(1)
        self.pixels = nn.Linear(D, 8)

    def forward(self, rows):
        order = torch.rand(len(rows), N_ROWS).argsort(1)
        shown, hidden = order[:, :N_KEEP], order[:, N_KEEP:]
        wide = shown.unsqueeze(2).expand(-1, -1, D)
        tokens = (self.embed(rows) + self.place).gather(1, wide)
        code = self.bridge(self.encoder(tokens))
        full = self.mask_token.expand(len(rows), N_ROWS, D).scatter(1, wide, code)
        said = self.pixels(self.decoder(full + self.decoder_place))
        at = hidden.unsqueeze(2).expand(-1, -1, 8)
        return said.gather(1, at), rows.gather(1, at)


class RunningMean:
    def __init__(self):
        self.total, self.n = 0.0, 0

    def add(self, value, n):
        self.total += value * n
        self.n += n

    @property
    def value(self):
        return self.total / self.n


def explained(model, rows, draws=5):
    """Share of the variance of hidden pixels that is told, against the mean picture."""
    model.eval()
    wrong = all_of_it = 0.0
    with torch.no_grad():
        for _ in range(draws):
            said, truth = model(rows)
            wrong += (said - truth).pow(2).sum().item()
            all_of_it += truth.pow(2).sum().item()
    return 1 - wrong / all_of_it


pictures = torch.tensor(load_digits().images, dtype=torch.float32)
pictures = pictures[torch.randperm(len(pictures))]
train, test = pictures[:1400], pictures[1400:]
mean, spread = train.mean(0), train.std()
train, test = (train - mean) / spread, (test - mean) / spread

model = MaskedAutoencoder()
steps = EPOCHS * (len(train) // BATCH)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.95))
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps, pct_start=0.15)
for epoch in range(EPOCHS):
    model.train()
    mean_loss = RunningMean()
    for idx in torch.randperm(len(train)).split(BATCH):
        said, truth = model(train[idx])
        loss = (said - truth).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean_loss.add(loss.item(), len(idx))
    if epoch % 3 == 0 or epoch == EPOCHS - 1:
        print(f"epoch {epoch + 1} loss {mean_loss.value:.4f} held-out R2 {explained(model, test, 1):.4f}")

print("RESULT r2_of_hidden_rows", round(explained(model, test), 4))
