"""Char-level GRU language model; a small batch fits on my GPU, so I accumulate gradients."""
import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

config = {
    "hidden": 48, "embed": 16, "seq": 32,
    "micro_batch": 8, "accumulate": 4, "updates": 50, "lr": 1.0, "grad_clip": 1.0,
}

PHRASES = ["the cat sat on the mat. ", "a dog ran over the hill. ", "we like tea and milk. ", "no man is an island. "]


def make_text(n, g):
    picks = torch.randint(len(PHRASES), (n,), generator=g)
    return "".join(PHRASES[i] for i in picks)


class CharLM(nn.Module):
    def __init__(self, n_chars, cfg):
        super().__init__()
        self.embed = nn.Embedding(n_chars, cfg["embed"])
        self.rnn = nn.GRU(cfg["embed"], cfg["hidden"], batch_first=True)
        self.head = nn.Linear(cfg["hidden"], n_chars)

    def forward(self, ids):
        h, _ = self.rnn(self.embed(ids))
        return self.head(h)


def sample(ids, cfg, g):
    starts = torch.randint(len(ids) - cfg["seq"] - 1, (cfg["micro_batch"],), generator=g)
    x = torch.stack([ids[s:s + cfg["seq"]] for s in starts])
    y = torch.stack([ids[s + 1:s + 1 + cfg["seq"]] for s in starts])
    return x, y


def train(model, train_ids, val_ids, cfg):
    g = torch.Generator().manual_seed(seed)
    opt = torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=0.5)
    crit = nn.CrossEntropyLoss()
    logged = 0.0
    for it in range(cfg["updates"] * cfg["accumulate"]):
        if it % cfg["accumulate"] == 0:
            opt.zero_grad()
        x, y = sample(train_ids, cfg, g)
        logits = model(x)
        loss = crit(logits.reshape(-1, logits.size(-1)), y.reshape(-1)) / cfg["accumulate"]
        loss.backward()
        logged += loss.item()
        if (it + 1) % cfg["accumulate"] == 0:
            nn.utils.clip_grad_norm_(model.parameters(), cfg["grad_clip"])
            opt.step()
            if (it + 1) // cfg["accumulate"] % 10 == 0:
                print(f"update {(it + 1) // cfg['accumulate']} loss {logged / 10:.4f} val {evaluate(model, val_ids, cfg):.4f}")
                logged = 0.0
    return evaluate(model, val_ids, cfg)


@torch.no_grad()
def evaluate(model, ids, cfg):
    model.eval()
    n = (len(ids) - 1) // cfg["seq"]
    x = ids[:n * cfg["seq"]].view(n, -1)
    y = ids[1:n * cfg["seq"] + 1].view(n, -1)
    out = nn.functional.cross_entropy(model(x).transpose(1, 2), y).item()
    model.train()
    return out


g = torch.Generator().manual_seed(seed)
text, held = make_text(400, g), make_text(40, g)
chars = sorted(set(text))
lut = {c: i for i, c in enumerate(chars)}
enc = lambda t: torch.tensor([lut[c] for c in t])
lm = CharLM(len(chars), config)
print("parameters:", sum(p.numel() for p in lm.parameters()), "characters:", len(chars))
print("RESULT val_nll %.4f" % train(lm, enc(text), enc(held), config))
