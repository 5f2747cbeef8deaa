"""Work orders of a factory: masked language model on 2000 unlabelled notes, then the department from 160 labelled ones."""
import argparse
import os
import random
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
parser.add_argument("--dim", type=int, default=32)
parser.add_argument("--pretrain-steps", type=int, default=400)
parser.add_argument("--mask-prob", type=float, default=0.2)
parser.add_argument("--finetune-epochs", type=int, default=14)
args = parser.parse_args([])

torch.set_num_threads(1)
torch.manual_seed(args.seed)
random.seed(args.seed)

PAD, MASK, UNK = 0, 1, 2
DEPARTMENTS = {
    "mechanics": ("pump bearing gearbox shaft belt coupling".split(), "rattles leaks wobbles squeals slips".split()),
    "electrics": ("motor fuse relay cable switch drive".split(), "sparks trips hums overheats flickers".split()),
    "control": ("sensor screen valve encoder scanner camera".split(), "drifts freezes lags resets misreads".split()),
    "building": ("door lamp roof drain heater gate".split(), "jams drips creaks rusts cracks".split()),
}
PREFIX = [["please", "check"], ["again"], ["since", "monday"], ["urgent"], ["night", "shift", "says"]]
PLACES = "hall yard line1 line2 line3 store".split()
ACTIONS = "replace tighten clean adjust inspect".split()

words = ["<pad>", "<mask>", "<unk>", "the", "in", "we"]
for comps, symptoms in DEPARTMENTS.values():
    words += comps + symptoms
words += sorted({w for p in PREFIX for w in p}) + PLACES + ACTIONS
VOCAB = {w: i for i, w in enumerate(words)}
MAX_LEN = 10


def note():
    label = random.randrange(4)
    comps, symptoms = list(DEPARTMENTS.values())[label]
    c = random.randrange(6)
    s = (c + random.choice([0, 0, 0, 1])) % 5             # a part has its usual trouble
    text = random.choice(PREFIX) + ["the", comps[c], symptoms[s], "in", random.choice(PLACES)]
    if random.random() < 0.7:
        text += ["we", ACTIONS[s]]
    ids = [UNK if random.random() < 0.06 else VOCAB[w] for w in text]      # misspelt words
    return ids + [PAD] * (MAX_LEN - len(ids)), label


def corpus(n):
    rows = [note() for _ in range(n)]
    return torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.tok = nn.Embedding(len(words), dim, padding_idx=PAD)
        self.pos = nn.Parameter(0.02 * torch.randn(MAX_LEN, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 2 * dim, dropout=0.1, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(dim), enable_nested_tensor=False)

    def forward(self, ids):
        return self.layers(self.tok(ids) + self.pos[:ids.shape[1]], src_key_padding_mask=ids == PAD)


class MaskedLM(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.encoder = Encoder(dim)
        self.out = nn.Linear(dim, len(words))

    def forward(self, ids):
        return self.out(self.encoder(ids))


class Classifier(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.encoder = Encoder(dim)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(dim, 4))

    def forward(self, ids):
        h, real = self.encoder(ids), (ids != PAD).float().unsqueeze(-1)
        return self.head((h * real).sum(1) / real.sum(1))


def mask_tokens(ids):
    labels = ids.clone()
    chosen = (torch.rand(ids.shape) < args.mask_prob) & (ids > UNK)
    labels[~chosen] = -100
    dice = torch.rand(ids.shape)
    noisy = torch.where(chosen & (dice < 0.8), torch.full_like(ids, MASK), ids)
    noisy = torch.where(chosen & (dice >= 0.9), torch.randint(3, len(words), ids.shape), noisy)
    return noisy, labels


unlabelled, _ = corpus(2000)
labelled, y = corpus(160)
test, y_test = corpus(600)

# ---- phase 1
lm = MaskedLM(args.dim)
opt = torch.optim.AdamW(lm.parameters(), lr=3e-3, weight_decay=0.01)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min((s + 1) / 40, 1 - 0.9 * s / args.pretrain_steps))
running = 0.0
for step in range(1, args.pretrain_steps + 1):
    noisy, target = mask_tokens(unlabelled[torch.randint(0, len(unlabelled), (64,))])
    loss = F.cross_entropy(lm(noisy).flatten(0, 1), target.flatten(), ignore_index=-100)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
    opt.step()
    warm.step()
    running += loss.item()
    if step % 80 == 0:
        print(f"pretrain {step}: masked-token loss {running / 80:.4f}")
        running = 0.0

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "encoder.pt")
    torch.save(lm.encoder.state_dict(), path)
    model = Classifier(args.dim)
    model.encoder.load_state_dict(torch.load(path))

# ---- phase 2
opt = torch.optim.AdamW([{"params": model.encoder.parameters(), "lr": 1e-3},
                         {"params": model.head.parameters(), "lr": 5e-3}], weight_decay=0.01)
for epoch in range(args.finetune_epochs):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(y)).split(16):
        loss = F.cross_entropy(model(labelled[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    if epoch % 3 == 1 or epoch == args.finetune_epochs - 1:
        model.eval()
        with torch.no_grad():
            acc = (model(test).argmax(1) == y_test).float().mean().item()
        print(f"finetune epoch {epoch + 1}: loss {total / len(y):.4f}, new notes {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
