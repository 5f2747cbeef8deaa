import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class NoisyDigits(Dataset):
    def __init__(self, images, noise=0.2):
        self.images = torch.as_tensor(images, dtype=torch.float32)
        self.noise = noise

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        clean = self.images[idx]
        return clean + self.noise * torch.randn_like(clean), clean


def make_mlp(sizes, act=nn.Sigmoid):
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(n_in, n_out), act()]
    return layers[:-1]


class DeepAutoencoder(nn.Module):
    def __init__(self, dims=(64, 96, 64, 48, 32, 16)):
        super().__init__()
        self.net = nn.Sequential(*make_mlp(list(dims) + list(dims[::-1])[1:]))

    def forward(self, x):
        return self.net(x)


images = load_digits().data / 8.0 - 1.0
train_images, test_images = train_test_split(images, test_size=0.2, random_state=SEED)
train_loader = DataLoader(NoisyDigits(train_images), batch_size=64, shuffle=True)
test_loader = DataLoader(NoisyDigits(test_images), batch_size=180)

autoencoder = DeepAutoencoder()
print(autoencoder)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(autoencoder.parameters(), lr=1e-3)

num_epochs = 12
for epoch in range(num_epochs):
    autoencoder.train()
    train_loss = 0.0
    for noisy, clean in train_loader:
        recon = autoencoder(noisy)
        loss = criterion(recon, clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * noisy.size(0)
    print("epoch [{}/{}], loss:{:.4f}".format(epoch + 1, num_epochs, train_loss / len(train_images)))

autoencoder.eval()
test_loss = 0.0
with torch.no_grad():
    for noisy, clean in test_loader:
        test_loss += criterion(autoencoder(noisy), clean).item() * len(clean)
print(f"RESULT test_mse {test_loss / len(test_images):.4f}")
