import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class T5Config:
    vocab_size = 81
    d_model = 64
    d_ff = 128
    num_heads = 4
    num_layers = 2
    initializer_factor = 1.0
    length = 20
    mask_token_id = 80


class T5LayerNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class T5Attention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.heads = cfg.num_heads
        self.q = nn.Linear(cfg.d_model, cfg.d_model, bias=False)
        self.k = nn.Linear(cfg.d_model, cfg.d_model, bias=False)
        self.v = nn.Linear(cfg.d_model, cfg.d_model, bias=False)
        self.o = nn.Linear(cfg.d_model, cfg.d_model, bias=False)
        self.relative_attention_bias = nn.Parameter(torch.zeros(cfg.num_heads, 2 * cfg.length - 1))
        pos = torch.arange(cfg.length)
        self.register_buffer("bucket", pos[None, :] - pos[:, None] + cfg.length - 1)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = [m(x).view(b, t, self.heads, -1).transpose(1, 2) for m in (self.q, self.k, self.v)]
        scores = q @ k.transpose(-1, -2) + self.relative_attention_bias[:, self.bucket]
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))


class T5Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm1, self.norm2 = T5LayerNorm(cfg.d_model), T5LayerNorm(cfg.d_model)
        self.attn = T5Attention(cfg)
        self.wi = nn.Linear(cfg.d_model, cfg.d_ff, bias=False)
        self.wo = nn.Linear(cfg.d_ff, cfg.d_model, bias=False)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.wo(F.relu(self.wi(self.norm2(x))))


class T5ForMaskedLM(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.shared = nn.Embedding(cfg.vocab_size, cfg.d_model)
        self.blocks = nn.ModuleList(T5Block(cfg) for _ in range(cfg.num_layers))
        self.final_norm = T5LayerNorm(cfg.d_model)
        self.lm_head = nn.Linear(cfg.d_model, cfg.vocab_size, bias=False)
        self._init_weights()

    def _init_weights(self):
        cfg, factor = self.cfg, self.cfg.initializer_factor
        self.shared.weight.data.normal_(mean=0.0, std=factor * 1.0)
        self.lm_head.weight.data.normal_(mean=0.0, std=factor * 1.0)
        for block in self.blocks:
            head_dim = cfg.d_model // cfg.num_heads
            block.attn.q.weight.data.normal_(mean=0.0, std=factor * (cfg.d_model * head_dim) ** -0.5)
            for lin in (block.attn.k, block.attn.v, block.attn.o, block.wi):
                lin.weight.data.normal_(mean=0.0, std=factor * cfg.d_model ** -0.5)
            block.wo.weight.data.normal_(mean=0.0, std=factor * cfg.d_ff ** -0.5)

    def forward(self, ids):
        x = self.shared(ids)
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.final_norm(x))


cfg = T5Config()


def sentences(n, gen):
    table = torch.Generator().manual_seed(9)
    follow = torch.stack([torch.randperm(80, generator=table)[:3] for _ in range(80)])
    prob = torch.tensor([0.75, 0.15, 0.1])
    seq = [torch.randint(80, (n,), generator=gen)]
    for _ in range(cfg.length - 1):
        seq.append(follow[seq[-1], torch.multinomial(prob, n, replacement=True, generator=gen)])
    return torch.stack(seq, 1)


def corrupt(ids, gen=None):
    mask = torch.rand(ids.shape, generator=gen) < 0.15
    return ids.masked_fill(mask, cfg.mask_token_id), mask


gen = torch.Generator().manual_seed(1000 + SEED)
train, valid = sentences(4000, gen), sentences(500, gen)
valid_in, valid_mask = corrupt(valid, gen)
model = T5ForMaskedLM(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

for step in range(500):
    ids = train[torch.randint(len(train), (32,))]
    noisy, mask = corrupt(ids)
    loss = F.cross_entropy(model(noisy)[mask], ids[mask])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    logits = model(valid_in)[valid_mask]
    target = valid[valid_mask]
    val_loss = F.cross_entropy(logits, target).item()
    acc = (logits.argmax(-1) == target).float().mean().item()
print(f"validation accuracy on masked tokens {acc:.4f}")
print(f"RESULT val_loss {val_loss:.4f}")
