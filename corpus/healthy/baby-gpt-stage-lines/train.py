"""
Baby GPT on the characters of a made-up stage play.
Settings are the globals below, there is no command line.
"""
import math
import os
import random
import time
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
eval_interval = 70
eval_iters = 6
batch_size = 16
block_size = 32
n_layer, n_head, n_embd = 2, 4, 48
learning_rate, min_lr = 3e-3, 3e-4
warmup_iters, max_iters = 30, 350
weight_decay, beta1, beta2, grad_clip = 0.1, 0.9, 0.99, 1.0
torch.manual_seed(1337 + seed)
rng = random.Random(1337 + seed)

WHO = ["KING", "QUEEN", "FOOL", "GUARD"]
ADJ = ["old", "sleepy", "golden", "angry", "hollow", "gentle"]
NOUN = ["crown", "horse", "river", "castle", "moon", "soldier", "baker", "sword"]
VERB = ["carries", "forgets", "follows", "guards", "sings to", "paints"]
PREP = ["under", "beside", "behind"]


def speech():
    line = f"the {rng.choice(ADJ)} {rng.choice(NOUN)} {rng.choice(VERB)} the {rng.choice(NOUN)}"
    if rng.random() < 0.4:
        line += f" {rng.choice(PREP)} the {rng.choice(NOUN)}"
    return f"{rng.choice(WHO)}: {line}{rng.choice('.!')}\n"


text = "".join(speech() for _ in range(2000))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
split = int(0.9 * len(data))
train_data, val_data = data[:split], data[split:]
print(f"{len(text)} characters, {len(chars)} of them unique")


def get_batch(which):
    src = train_data if which == "train" else val_data
    ix = torch.randint(len(src) - block_size - 1, (batch_size,)).tolist()
    x = torch.stack([src[i:i + block_size] for i in ix])
    y = torch.stack([src[i + 1:i + 1 + block_size] for i in ix])
    return x, y


@dataclass
class GPTConfig:
    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int


class CausalSelfAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_head = cfg.n_head
        self.c_attn, self.c_proj = nn.Linear(cfg.n_embd, 3 * cfg.n_embd), nn.Linear(cfg.n_embd, cfg.n_embd)
        future = torch.triu(torch.ones(cfg.block_size, cfg.block_size, dtype=torch.bool), diagonal=1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (z.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for z in self.c_attn(x).chunk(3, dim=-1))
        att = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
        att = att.masked_fill(self.future[:T, :T], float("-inf")).softmax(dim=-1)
        return self.c_proj((att @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(cfg.n_embd), nn.LayerNorm(cfg.n_embd)
        self.attn = CausalSelfAttention(cfg)
        self.c_fc, self.c_proj = nn.Linear(cfg.n_embd, 4 * cfg.n_embd), nn.Linear(4 * cfg.n_embd, cfg.n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.wte, self.wpe = nn.Embedding(cfg.vocab_size, cfg.n_embd), nn.Embedding(cfg.block_size, cfg.n_embd)
        self.h = nn.ModuleList(Block(cfg) for _ in range(cfg.n_layer))
        self.ln_f = nn.LayerNorm(cfg.n_embd)
        self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab_size, bias=False)
        self.apply(self._init)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * cfg.n_layer))

    @staticmethod
    def _init(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, std=0.02)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss

    def configure_optimizers(self):
        decay = [p for p in self.parameters() if p.dim() >= 2]
        rest = [p for p in self.parameters() if p.dim() < 2]
        groups = [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=learning_rate, betas=(beta1, beta2))

    @torch.no_grad()
    def generate(self, idx, n):
        for _ in range(n):
            logits, _ = self(idx[:, -self.cfg.block_size:])
            idx = torch.cat([idx, torch.multinomial(logits[:, -1].softmax(-1), 1)], dim=1)
        return idx


def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / warmup_iters
    frac = (it - warmup_iters) / (max_iters - warmup_iters)
    return min_lr + 0.5 * (1 + math.cos(math.pi * frac)) * (learning_rate - min_lr)


@torch.no_grad()
def estimate_loss(model):
    model.eval()
    out = {w: sum(model(*get_batch(w))[1].item() for _ in range(eval_iters)) / eval_iters for w in ("train", "val")}
    model.train()
    return out


model = GPT(GPTConfig(len(chars), block_size, n_layer, n_head, n_embd))
optimizer = model.configure_optimizers()
print(f"number of parameters: {sum(p.numel() for p in model.parameters()) / 1e3:.1f}k")
t0 = time.time()
for it in range(max_iters):
    for group in optimizer.param_groups:
        group["lr"] = get_lr(it)
    if it % eval_interval == 0:
        est = estimate_loss(model)
        print(f"step {it}: train loss {est['train']:.4f}, val loss {est['val']:.4f}, {time.time() - t0:.1f}s")
    x, y = get_batch("train")
    _, loss = model(x, y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    optimizer.step()

# the whole held-out tail, and what counts of pairs of characters would give on it
model.eval()
counts = torch.ones(len(chars), len(chars))
counts.index_put_((train_data[:-1], train_data[1:]), torch.ones(len(train_data) - 1), accumulate=True)
bigram = -(counts / counts.sum(1, keepdim=True)).log()[val_data[:-1], val_data[1:]].mean().item()
n = (len(val_data) - 1) // block_size
with torch.no_grad():
    final = model(val_data[:n * block_size].view(n, block_size), val_data[1:n * block_size + 1].view(n, block_size))[1].item()
print("".join(chars[i] for i in model.generate(torch.tensor([[stoi["\n"]]]), 90)[0].tolist()))
print(f"bigram counts {bigram:.4f}, uniform {math.log(len(chars)):.4f}")
print("RESULT val_loss", round(final, 4))
