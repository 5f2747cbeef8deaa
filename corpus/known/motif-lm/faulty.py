import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

# short tunes: a motif of four notes, played four times
N_NOTES, MOTIF, REPEATS = 10, 4, 4
tunes = torch.randint(0, N_NOTES, (1920, MOTIF)).repeat(1, REPEATS)
train_set, test_set = tunes[:1600], tunes[1600:]


class CausalSelfAttention(nn.Module):
    def __init__(self, d_model, n_head):
        super().__init__()
        self.n_head = n_head
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.proj = nn.Linear(d_model, d_model)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, d_model, n_head):
        super().__init__()
        self.ln1 = nn.LayerNorm(d_model)
        self.attn = CausalSelfAttention(d_model, n_head)
        self.ln2 = nn.LayerNorm(d_model)
        self.mlp = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class TransformerLM(nn.Module):
    def __init__(self, vocab_size, d_model=32, n_head=2, n_layer=1, max_len=64):
        super().__init__()
        self.tok_emb = nn.Embedding(vocab_size, d_model)
        self.pos_emb = nn.Embedding(max_len, d_model)
        self.blocks = nn.ModuleList([Block(d_model, n_head) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, x):
        pos = torch.arange(x.size(0), device=x.device).unsqueeze(1)
        h = self.tok_emb(x) + self.pos_emb(pos)
        for block in self.blocks:
            h = block(h)
        return self.head(self.ln_f(h))


model = TransformerLM(N_NOTES)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=32)

for epoch in range(15):
    model.train()
    total = 0.0
    for batch in train_loader:
        inputs, targets = batch[:, :-1], batch[:, 1:]
        logits = model(inputs)
        loss = F.cross_entropy(logits.reshape(-1, N_NOTES), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    right, count = 0, 0
    with torch.no_grad():
        for batch in test_loader:
            guess = model(batch[:, :-1]).argmax(-1)
            hit = (guess == batch[:, 1:])[:, MOTIF - 1 :]
            right += hit.sum().item()
            count += hit.numel()
    acc = right / count
    print(f"epoch {epoch + 1:2d}  loss {total / len(train_loader):.4f}  accuracy on the repeats {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
