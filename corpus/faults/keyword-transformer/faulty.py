import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

CLASSES, SEQ, WORDS = 40, 12, 150
signature = torch.stack([torch.randperm(WORDS)[:6] for _ in range(CLASSES)])


def corpus(n):
    y = torch.randint(0, CLASSES, (n,))
    x = torch.randint(0, WORDS, (n, SEQ))
    keyed = torch.rand(n, SEQ) < 0.5
    picks = signature[y].gather(1, torch.randint(0, 6, (n, SEQ)))
    return torch.where(keyed, picks, x), y


class Classifier(nn.Module):
    def __init__(self, d_model=32, heads=4):
        super().__init__()
        self.tok = nn.Embedding(WORDS, d_model)
        self.pos = nn.Parameter(0.02 * torch.randn(SEQ, d_model))
        layer = nn.TransformerEncoderLayer(d_model, heads, dim_feedforward=64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1)
        self.head = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, CLASSES),
            nn.Softmax(dim=-1),
        )

    def forward(self, x):
        h = self.encoder(self.tok(x) + self.pos)
        return self.head(h.mean(dim=1))


train_dl = DataLoader(TensorDataset(*corpus(4000)), batch_size=64, shuffle=True)
x_test, y_test = corpus(800)
model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(8):
    model.train()
    train_loss = 0.0
    for xb, yb in train_dl:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(dim=-1) == y_test).float().mean().item()
    print(f"epoch {epoch}: train_loss={train_loss / len(train_dl):.4f} test_acc={acc:.4f}")
print(f"RESULT test_acc {acc:.4f}")
