import io
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


@dataclass
class LlamaConfig:
    vocab_size: int = 60
    hidden_size: int = 48
    num_layers: int = 2
    num_heads: int = 4
    max_len: int = 24
    tie_word_embeddings: bool = True


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm1 = nn.LayerNorm(cfg.hidden_size)
        self.attn = nn.MultiheadAttention(cfg.hidden_size, cfg.num_heads, batch_first=True)
        self.norm2 = nn.LayerNorm(cfg.hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(cfg.hidden_size, 2 * cfg.hidden_size), nn.SiLU(), nn.Linear(2 * cfg.hidden_size, cfg.hidden_size)
        )

    def forward(self, x, mask):
        h = self.norm1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class CausalLM(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.embed_tokens = nn.Embedding(cfg.vocab_size, cfg.hidden_size)
        self.embed_positions = nn.Embedding(cfg.max_len, cfg.hidden_size)
        self.layers = nn.ModuleList(Block(cfg) for _ in range(cfg.num_layers))
        self.norm = nn.LayerNorm(cfg.hidden_size)
        self.lm_head = nn.Linear(cfg.hidden_size, cfg.vocab_size, bias=False)
        if cfg.tie_word_embeddings:
            self.lm_head.weight = self.embed_tokens.weight
        self.register_buffer("mask", torch.triu(torch.full((cfg.max_len, cfg.max_len), float("-inf")), 1), persistent=False)

    def initialize_weights(self, std=0.02):
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=std)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=std)

    def forward(self, ids):
        t = ids.size(1)
        x = self.embed_tokens(ids) + self.embed_positions(torch.arange(t))
        for layer in self.layers:
            x = layer(x, self.mask[:t, :t])
        return self.lm_head(self.norm(x))


def lm_loss(model, ids):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), ids[:, 1:].reshape(-1))


def save_checkpoint(model, optimizer, handle):
    state = model.state_dict()
    if model.cfg.tie_word_embeddings:
        state.pop("lm_head.weight")
    torch.save({"model": state, "optimizer": optimizer.state_dict()}, handle)


def load_checkpoint(cfg, handle):
    model = CausalLM(cfg)
    state = torch.load(handle)["model"]
    if cfg.tie_word_embeddings:
        state["lm_head.weight"] = state["embed_tokens.weight"]
    model.load_state_dict(state)
    return model


def corpus(cfg, n, generator):
    """Word chains: every word has four likely successors."""
    table_gen = torch.Generator().manual_seed(17)
    followers = torch.stack([torch.randperm(cfg.vocab_size, generator=table_gen)[:4] for _ in range(cfg.vocab_size)])
    prob = torch.tensor([0.6, 0.2, 0.15, 0.05])
    seq = [torch.randint(cfg.vocab_size, (n,), generator=generator)]
    for _ in range(cfg.max_len):
        pick = torch.multinomial(prob, n, replacement=True, generator=generator)
        seq.append(followers[seq[-1], pick])
    return torch.stack(seq, 1)


cfg = LlamaConfig()
gen = torch.Generator().manual_seed(100 + SEED)
train_ids, val_ids = corpus(cfg, 4000, gen), corpus(cfg, 400, gen)

model = CausalLM(cfg)
model.initialize_weights()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
for step in range(300):
    ids = train_ids[torch.randint(len(train_ids), (32,))]
    loss = lm_loss(model, ids)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 50 == 0:
        print(f"step {step + 1} train loss {loss.item():.4f}")

checkpoint = io.BytesIO()
save_checkpoint(model, optimizer, checkpoint)
checkpoint.seek(0)

resumed = load_checkpoint(cfg, checkpoint)
resumed.eval()
with torch.no_grad():
    val_loss = lm_loss(resumed, val_ids).item()
print(f"resumed from step 300, val loss {val_loss:.4f}")
print(f"RESULT val_loss {val_loss:.4f}")
