import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class VAE(nn.Module):
    def __init__(self, pixels=64, hidden=128, latent=8):
        super().__init__()
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, pixels)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(logits, x, mu, logvar):
    BCE = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (BCE + KLD) / len(x)


digits = load_digits()
parts = train_test_split(digits.data / 16.0, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
x_train, x_test = [torch.tensor(p, dtype=torch.float32) for p in parts[:2]]
y_train, y_test = [torch.tensor(p) for p in parts[2:]]
loader = DataLoader(TensorDataset(x_train), batch_size=64, shuffle=True)

model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(60):
    model.train()
    total = 0.0
    for (x,) in loader:
        optimizer.zero_grad()
        logits, mu, logvar = model(x)
        loss = loss_function(logits, x, mu, logvar)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    if (epoch + 1) % 5 == 0:
        print(f"====> Epoch: {epoch + 1} Average loss: {total / len(x_train):.4f}")

# which digit does a reconstruction show? (that of the training picture nearest to it)
model.eval()
with torch.no_grad():
    mu, _ = model.encode(x_test)
    pictures = torch.sigmoid(model.decode(mu))
    nearest = torch.cdist(pictures, x_train).argmin(1)
recognised = (y_train[nearest] == y_test).float().mean().item()
print(f"RESULT recognised_reconstructions {recognised:.4f}")
