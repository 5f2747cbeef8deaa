import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))


class PatchEmbeddingBlock(nn.Module):
    def __init__(self, in_channels, img_size, patch_size, hidden_size):
        super().__init__()
        n_patches = (img_size // patch_size) ** 2
        self.proj = nn.Conv2d(in_channels, hidden_size, kernel_size=patch_size, stride=patch_size)
        self.position_embeddings = nn.Parameter(torch.zeros(1, n_patches, hidden_size))
        nn.init.trunc_normal_(self.position_embeddings, std=0.02)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2) + self.position_embeddings


class ViT(nn.Module):
    def __init__(self, in_channels=1, img_size=8, patch_size=2, hidden_size=32, mlp_dim=64, num_layers=2, num_heads=4,
                 num_classes=10):
        super().__init__()
        self.patch_embedding = PatchEmbeddingBlock(in_channels, img_size, patch_size, hidden_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, hidden_size))
        layer = nn.TransformerEncoderLayer(hidden_size, num_heads, mlp_dim, dropout=0.0, activation="gelu",
                                           batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(hidden_size)
        self.classification_head = nn.Sequential(nn.Linear(hidden_size, num_classes), nn.Tanh())

    def forward(self, x):
        x = self.patch_embedding(x)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1)
        x = self.norm(self.blocks(x))
        return self.classification_head(x[:, 0])


def main():
    torch.manual_seed(SEED)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16.0
    images = (images - 0.305) / 0.376
    x_train, x_val, y_train, y_val = train_test_split(images, torch.tensor(digits.target), test_size=0.25, random_state=SEED)
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

    net = ViT()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(25):
        net.train()
        epoch_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = loss_function(net(inputs), labels)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(labels)
        net.eval()
        with torch.no_grad():
            outputs = net(x_val)
            val_loss = loss_function(outputs, y_val).item()
            metric = (outputs.argmax(1) == y_val).float().mean().item()
        if epoch % 4 == 0:
            print(f"epoch {epoch + 1} average loss: {epoch_loss / len(y_train):.4f}  "
                  f"val loss: {val_loss:.4f}  val accuracy: {metric:.4f}")
    print(f"RESULT val_loss {val_loss:.4f}")


if __name__ == "__main__":
    main()
