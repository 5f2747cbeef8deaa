"""Transformer over the fields of a transaction row; a [CLS] token sums the row up."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FIELDS, VALUES, CLASSES = 8, 6, 4


def make_rows(n, effects):
    values = rng.integers(0, VALUES, (n, FIELDS))
    score = sum(effects[f, values[:, f]] for f in range(FIELDS))
    tokens = 1 + values + VALUES * np.arange(FIELDS)
    tokens = np.concatenate([np.zeros((n, 1), dtype=tokens.dtype), tokens], axis=1)
    return torch.tensor(tokens), torch.tensor(score.argmax(1))


class TabFormer(nn.Module):
    def __init__(self, field_hidden_size=32, nhead=4, num_layers=2):
        super().__init__()
        self.word_embeddings = nn.Embedding(1 + FIELDS * VALUES, field_hidden_size)
        encoder_layer = nn.TransformerEncoderLayer(d_model=field_hidden_size, nhead=nhead,
                                                   dim_feedforward=64, dropout=0.0)
        self.transformer_encoder = nn.TransformerEncoder(encoder_layer, num_layers=num_layers, enable_nested_tensor=False)
        self.lin_proj = nn.Linear(field_hidden_size, CLASSES)

    def forward(self, input_ids):
        inputs_embeds = self.word_embeddings(input_ids)
        inputs_embeds = self.transformer_encoder(inputs_embeds)
        return self.lin_proj(inputs_embeds[:, 0])


effects = rng.normal(size=(FIELDS, VALUES, CLASSES))
train_set = TensorDataset(*make_rows(3000, effects))
test_x, test_y = make_rows(800, effects)
loader = DataLoader(train_set, batch_size=50, shuffle=True)

model = TabFormer()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        guess = torch.cat([model(part).argmax(1) for part in test_x.split(50)])
    acc = (guess == test_y).float().mean().item()
    print(f"epoch {epoch + 1}  loss {total / len(loader):.4f}  test acc {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
