import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

# ---- instruction data ----------------------------------------------------------
OBJECTS = "banana apple lemon plum cherry grape melon peach carrot pepper onion potato".split()
FACTS = {
    "color": ["yellow", "red", "green", "purple", "orange", "white"],
    "price": ["one", "two", "three", "four", "five"],
    "origin": ["spain", "italy", "kenya", "peru", "chile"],
    "taste": ["sweet", "sour", "mild", "bitter"],
}
ANSWERS = {
    "color": "the {o} is {v}",
    "price": "the {o} costs {v} dollars per kilo",
    "origin": "it comes from {v}",
    "taste": "most people find the {o} {v}",
}
QUESTIONS = [
    "what is the {a} of the {o} ?",
    "tell me the {a} of the {o} please",
    "{a} of {o} ?",
    "i want to know the {a} of a {o}",
    "the {o} : which {a} does it have ?",
    "please give me the {a} for {o}",
]

knowledge = {(a, o): random.choice(FACTS[a]) for a in FACTS for o in OBJECTS}
examples = []
for (a, o), v in knowledge.items():
    for q in QUESTIONS:
        examples.append(("### user : " + q.format(a=a, o=o) + " ### assistant :", ANSWERS[a].format(o=o, v=v)))
random.shuffle(examples)
train_set, test_set = examples[:-60], examples[-60:]


class Tokenizer:
    def __init__(self, texts):
        self.unk_token, self.bos_token, self.eos_token, self.pad_token = "<unk>", "<s>", "</s>", None
        words = sorted({w for t in texts for w in t.split()})
        self.itos = [self.unk_token, self.bos_token, self.eos_token] + words
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    @property
    def bos_token_id(self):
        return self.stoi[self.bos_token]

    @property
    def eos_token_id(self):
        return self.stoi[self.eos_token]

    @property
    def pad_token_id(self):
        return self.stoi[self.pad_token]

    def encode(self, text):
        return [self.bos_token_id] + [self.stoi.get(w, self.stoi[self.unk_token]) for w in text.split()]

    def decode(self, ids):
        return " ".join(self.itos[i] for i in ids)


tokenizer = Tokenizer([p + " " + r for p, r in examples])
tokenizer.pad_token = tokenizer.eos_token


def collate(batch):
    seqs = [tokenizer.encode(p + " " + r) + [tokenizer.eos_token_id] for p, r in batch]
    width = max(len(s) for s in seqs)
    input_ids = torch.tensor([s + [tokenizer.pad_token_id] * (width - len(s)) for s in seqs])
    labels = input_ids.clone()
    labels[labels == tokenizer.pad_token_id] = -100
    return input_ids, labels


# ---- model ---------------------------------------------------------------------
class CausalSelfAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in self.c_attn(x).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention(n_embd, n_head)
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd), nn.Dropout(0.1))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=48, n_layer=2, n_head=4, n_embd=64):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, n_embd), nn.Embedding(block_size, n_embd)
        self.h = nn.ModuleList([Block(n_embd, n_head) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.lm_head.weight = self.wte.weight
        self.apply(self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, labels=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return logits, loss

    @torch.no_grad()
    def generate(self, ids, max_new_tokens):
        new = []
        for _ in range(max_new_tokens):
            logits, _ = self(torch.tensor([ids + new]))
            token = logits[0, -1].argmax().item()
            if token == tokenizer.eos_token_id:
                break
            new.append(token)
        return new


model = GPT(len(tokenizer.itos))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)

for epoch in range(35):
    model.train()
    random.shuffle(train_set)
    losses = []
    for i in range(0, len(train_set), 24):
        input_ids, labels = collate(train_set[i:i + 24])
        _, loss = model(input_ids, labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: train loss {sum(losses) / len(losses):.4f}")

model.eval()
hits = 0
for n, (prompt, response) in enumerate(test_set):
    answer = tokenizer.decode(model.generate(tokenizer.encode(prompt), max_new_tokens=14))
    hits += answer == response
    if n < 4:
        print(f"{prompt} {answer}")

print(f"RESULT exact_match {hits / len(test_set):.4f}")
