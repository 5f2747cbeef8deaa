import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

SLOTS = [
    ["first", "then", "next", "finally"],
    ["add", "mix", "heat", "fold"],
    ["one", "two", "three"],
    ["cups", "spoons", "grams"],
    ["of"],
    ["flour", "sugar", "milk", "butter", "salt"],
    ["into"],
    ["the"],
    ["bowl", "pan", "dough"],
    ["and"],
    ["stir", "wait", "cover"],
    ["."],
]
USUAL = {"add": "bowl", "mix": "dough", "heat": "pan", "fold": "dough"}
VOCAB = sorted({w for slot in SLOTS for w in slot})
INDEX = {w: i for i, w in enumerate(VOCAB)}


def recipe(n_tokens):
    words = []
    while len(words) < n_tokens + 12:
        sentence = [random.choice(slot) for slot in SLOTS]
        if random.random() < 0.9:
            sentence[8] = USUAL[sentence[1]]
        words += sentence
    start = random.randrange(12)
    return [INDEX[w] for w in words[start:start + n_tokens]]


def ForCausalLMLoss(logits, labels, vocab_size, ignore_index=-100):
    labels = F.pad(labels, (0, 1), value=ignore_index)
    shift_labels = labels[..., 1:].contiguous()
    return F.cross_entropy(logits.view(-1, vocab_size), shift_labels.view(-1), ignore_index=ignore_index)


class MoE(nn.Module):
    def __init__(self, dim, experts=4, top_k=2):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(dim, experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, 48), nn.SiLU(), nn.Linear(48, dim)) for _ in range(experts)
        )

    def forward(self, x):
        scores = self.router(x)
        top, where = scores.topk(self.top_k, dim=-1)
        gates = torch.zeros_like(scores).scatter(-1, where, top.softmax(dim=-1))
        out = torch.stack([e(x) for e in self.experts], dim=-1)
        return (out * gates.unsqueeze(-2)).sum(-1)


class JetMoeForCausalLM(nn.Module):
    def __init__(self, vocab_size, dim=32, max_len=32):
        super().__init__()
        self.vocab_size = vocab_size
        self.embed = nn.Embedding(vocab_size, dim)
        self.pos = nn.Embedding(max_len, dim)
        self.norm1, self.norm2, self.norm = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.moe = MoE(dim)
        self.lm_head = nn.Linear(dim, vocab_size, bias=False)
        self.loss_function = ForCausalLMLoss

    def forward(self, input_ids, labels=None):
        t = input_ids.size(1)
        mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1)
        x = self.embed(input_ids) + self.pos(torch.arange(t))
        h = self.norm1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        x = x + self.moe(self.norm2(x))
        logits = self.lm_head(self.norm(x))

        loss = None
        if labels is not None:
            logits = logits.float()
            shift_logits = logits[..., :-1, :].contiguous()
            shift_labels = labels[..., 1:].contiguous()
            loss = self.loss_function(shift_logits, shift_labels, vocab_size=self.vocab_size)
        return loss, logits


train = torch.tensor([recipe(28) for _ in range(1500)])
heldout = torch.tensor([recipe(28) for _ in range(200)])
model = JetMoeForCausalLM(len(VOCAB))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for step in range(300):
    batch = train[torch.randint(len(train), (24,))]
    loss, _ = model(batch, labels=batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 50 == 0:
        print(f"step {step + 1} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    _, logits = model(heldout)
    hits = (logits[:, 8:-1].argmax(-1) == heldout[:, 9:]).float().mean().item()
print(f"RESULT next_token_accuracy {hits:.4f}")
