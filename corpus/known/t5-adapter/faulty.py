import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

TOPICS = [
    "soup bread lunch menu dessert cook".split(),
    "train airport taxi ferry station bus".split(),
    "bed pillow window shower carpet lamp".split(),
    "actor scene script camera film plot".split(),
]
OPINIONS = {
    "negative": "poor cold awful slow dirty boring".split(),
    "positive": "great lovely fresh quick clean funny".split(),
}
GLUE = "the was and very quite also".split()
VOCAB = ["<pad>", "<extra_id_0>"] + sum(TOPICS, []) + sum(OPINIONS.values(), []) + GLUE + list(OPINIONS)
ID = {w: i for i, w in enumerate(VOCAB)}
LEN, DIM = 8, 48


def review():
    label = random.choice(list(OPINIONS))
    words = random.choices(random.choice(TOPICS), k=3) + random.choices(OPINIONS[label], k=3) + random.choices(GLUE, k=2)
    random.shuffle(words)
    return words, label


class Adapter(nn.Module):
    def __init__(self, dim, bottleneck=12):
        super().__init__()
        self.down = nn.Linear(dim, bottleneck)
        self.up = nn.Linear(bottleneck, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, h):
        return self.up(F.relu(self.down(h)))


class LayerFF(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.adapters = nn.ModuleDict()
        self.active = None

    def forward(self, h):
        h = h + self.ff(self.norm(h))
        if self.active is not None:
            h = h + self.adapters[self.active](h)
        return h


class T5(nn.Module):
    """One encoder layer, one decoder layer; the answer is one word."""

    def __init__(self, dim=DIM):
        super().__init__()
        self.shared = nn.Embedding(len(VOCAB), dim)
        self.enc_norm = nn.LayerNorm(dim)
        self.enc_attn = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.enc_ff = LayerFF(dim)
        self.enc_final = nn.LayerNorm(dim)
        self.dec_norm = nn.LayerNorm(dim)
        self.dec_attn = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.dec_ff = LayerFF(dim)
        self.dec_final = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, len(VOCAB), bias=False)

    def forward(self, input_ids):
        h = self.shared(input_ids)
        n = self.enc_norm(h)
        h = h + self.enc_attn(n, n, n, need_weights=False)[0]
        h = self.enc_final(self.enc_ff(h))
        d = self.shared(input_ids.new_zeros(len(input_ids), 1))
        d = d + self.dec_attn(self.dec_norm(d), h, h, need_weights=False)[0]
        d = self.dec_final(self.dec_ff(d))
        return self.lm_head(d)[:, 0]

    def add_adapter(self, name):
        for layer in (self.enc_ff, self.dec_ff):
            layer.adapters[name] = Adapter(DIM)

    def train_adapter(self, name):
        for key, param in self.named_parameters():
            param.requires_grad = f"adapters.{name}." in key
        for layer in (self.enc_ff, self.dec_ff):
            layer.active = name


def denoising_data(n):
    x, y = [], []
    for _ in range(n):
        words, _ = review()
        hide = random.choice([i for i, w in enumerate(words) if w not in GLUE])
        y.append(ID[words[hide]])
        x.append([ID["<extra_id_0>"] if i == hide else ID[w] for i, w in enumerate(words)])
    return torch.tensor(x), torch.tensor(y)


def sentiment_data(n):
    rows = [review() for _ in range(n)]
    return torch.tensor([[ID[w] for w in words] for words, _ in rows]), torch.tensor([ID[label] for _, label in rows])


# ---- stage 1: denoising on unlabelled reviews ---------------------------------------
model = T5()
x, y = denoising_data(2000)
pretrain_opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(5):
    total = 0.0
    for b in torch.randperm(len(x)).split(50):
        loss = F.cross_entropy(model(x[b]), y[b])
        pretrain_opt.zero_grad()
        loss.backward()
        pretrain_opt.step()
        total += loss.item()
    print(f"pretrain epoch {epoch + 1}: loss {total / 40:.4f}")

# ---- stage 2: the sentiment task -----------------------------------------------------
args = {"task_name": "sentiment", "lr": 5e-3, "epochs": 8, "batch_size": 32}
x_train, y_train = sentiment_data(800)
x_test, y_test = sentiment_data(400)

optimizer = torch.optim.AdamW(model.parameters(), lr=args["lr"])
model.add_adapter(args["task_name"])
model.train_adapter(args["task_name"])

for epoch in range(args["epochs"]):
    model.train()
    total = 0.0
    for b in torch.randperm(len(x_train)).split(args["batch_size"]):
        loss = F.cross_entropy(model(x_train[b]), y_train[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"adapter epoch {epoch + 1}: loss {total / 25:.4f} exact match {acc:.4f}")

print(f"RESULT exact_match {acc:.4f}")
