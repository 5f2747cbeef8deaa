import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

cfg = dict(n_types=80, context=3, emb=24, hidden=64, n_mix=3, batch=128, lr=4e-3, epochs=7)


def simulate(n_events, table, n_types):
    seq = torch.zeros(n_events, dtype=torch.long)
    coin = torch.rand(n_events)
    noise = torch.randint(0, n_types, (n_events,))
    for k in range(2, n_events):
        if coin[k] < 0.1:
            seq[k] = noise[k]
        else:
            seq[k] = table[seq[k - 1], seq[k - 2] % 2]
    return seq


table = torch.stack([torch.randperm(cfg["n_types"]) for _ in range(2)], dim=1)
log = simulate(9000, table, cfg["n_types"])
windows = log.unfold(0, cfg["context"] + 1, 1)
split = 7500
train, test = windows[:split], windows[split:]


class MixtureHead(nn.Module):
    """Mixture of softmaxes (Yang et al.), to get around the rank limit of a single one."""

    def __init__(self, hidden, n_types, n_mix):
        super().__init__()
        self.n_mix, self.n_types = n_mix, n_types
        self.prior = nn.Linear(hidden, n_mix)
        self.experts = nn.Linear(hidden, n_mix * n_types)

    def forward(self, h):
        pi = F.softmax(self.prior(h), dim=-1)
        probs = F.softmax(self.experts(h).view(-1, self.n_mix, self.n_types), dim=-1)
        return (pi.unsqueeze(-1) * probs).sum(1)


class EventModel(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.emb = nn.Embedding(cfg["n_types"], cfg["emb"])
        self.body = nn.Sequential(
            nn.Linear(cfg["emb"] * cfg["context"], cfg["hidden"]),
            nn.ReLU(),
            nn.Linear(cfg["hidden"], cfg["hidden"]),
            nn.ReLU(),
        )
        self.head = MixtureHead(cfg["hidden"], cfg["n_types"], cfg["n_mix"])

    def forward(self, x):
        return self.head(self.body(self.emb(x).flatten(1)))


def evaluate(model, data):
    model.eval()
    with torch.no_grad():
        pred = model(data[:, :-1]).argmax(-1)
    model.train()
    return (pred == data[:, -1]).float().mean().item()


model = EventModel(cfg)
opt = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
for epoch in range(cfg["epochs"]):
    order = torch.randperm(len(train))
    total = 0.0
    for idx in order.split(cfg["batch"]):
        batch = train[idx]
        out = model(batch[:, :-1])
        loss = F.nll_loss(torch.log(out + 1e-9), batch[:, -1])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print(f"[{epoch + 1}/{cfg['epochs']}] loss={total / len(train):.4f} test acc={evaluate(model, test):.4f}")

print(f"RESULT test_accuracy {evaluate(model, test):.4f}")
