"""Autoencoder with a sparsity constraint on the encoded representations."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

encoding_dim = 32
l1 = 10e-5

x = load_digits().data / 16.0
x_train, x_test = train_test_split(x, test_size=0.2, random_state=SEED)
x_train = torch.tensor(x_train, dtype=torch.float32)
x_test = torch.tensor(x_test, dtype=torch.float32)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, encoding_dim)
        self.decoder = nn.Linear(encoding_dim, 64)
        for layer in (self.encoder, self.decoder):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, img):
        encoded = torch.relu(self.encoder(img))
        decoded = torch.sigmoid(self.decoder(encoded))
        return decoded, encoded


autoencoder = Autoencoder()
optimizer = torch.optim.Adam(autoencoder.parameters(), lr=0.001)

for epoch in range(400):
    autoencoder.train()
    total = 0.0
    for batch in x_train[torch.randperm(len(x_train))].split(256):
        decoded, encoded = autoencoder(batch)
        loss = F.binary_cross_entropy(decoded, batch)
        loss = loss + l1 * encoded.abs().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    if (epoch + 1) % 40 == 0:
        print(f"Epoch {epoch + 1}/400 loss: {total / len(x_train):.4f}")

autoencoder.eval()
with torch.no_grad():
    decoded_imgs, encoded_imgs = autoencoder(x_test)
    error = ((decoded_imgs - x_test) ** 2).mean()
    spread = ((x_test - x_train.mean(0)) ** 2).mean()
print("mean of the encoded images:", round(encoded_imgs.mean().item(), 4))
print(f"RESULT reconstruction_r2 {(1 - error / spread).item():.4f}")
