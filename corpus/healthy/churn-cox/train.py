import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def customers(n):
    age, fee, calls, tenure = rng.normal(45, 14, n), rng.gamma(4, 12, n), rng.poisson(2.0, n), rng.exponential(30, n)
    extra = rng.normal(0, 1, (n, 4))
    risk = 0.05 * (fee - 48) / 2 + 0.45 * calls - 0.03 * tenure + ((age - 45) / 14) ** 2 * 0.5 - 1.0
    time = rng.exponential(np.exp(-risk) * 20)
    censor = rng.uniform(5, 80, n)
    X = np.column_stack([age, fee, calls, tenure, extra]).astype(np.float32)
    return X, np.minimum(time, censor).astype(np.float32), (time <= censor).astype(np.float32)


def cox_loss(score, time, event):
    """Negative log partial likelihood (Breslow), mean over the events of the batch."""
    order = torch.argsort(time, descending=True)
    score, event = score[order], event[order]
    log_risk = torch.logcumsumexp(score, dim=0)
    return -((score - log_risk) * event).sum() / event.sum().clamp(min=1)


def concordance(score, time, event):
    shorter = (time[:, None] < time[None, :]) & (event[:, None] == 1)
    higher = (score[:, None] > score[None, :]).float() + 0.5 * (score[:, None] == score[None, :]).float()
    return (higher * shorter).sum().item() / shorter.sum().item()


Xtr, Ttr, Etr = customers(1500)
Xva, Tva, Eva = customers(400)
Xte, Tte, Ete = customers(600)
mean, std = Xtr.mean(0), Xtr.std(0)
Xtr, Xva, Xte = [torch.from_numpy((a - mean) / std) for a in (Xtr, Xva, Xte)]
Ttr, Etr, Tva, Eva, Tte, Ete = [torch.from_numpy(a) for a in (Ttr, Etr, Tva, Eva, Tte, Ete)]
print(f"events: {Etr.mean():.2f} of train")

net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1, bias=False))
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
best = (float("inf"), None)
for epoch in range(1, 31):
    net.train()
    total, batches = 0.0, 0
    for idx in torch.randperm(len(Xtr)).split(150):
        opt.zero_grad()
        loss = cox_loss(net(Xtr[idx]).squeeze(1), Ttr[idx], Etr[idx])
        loss.backward()
        opt.step()
        total, batches = total + loss.item(), batches + 1
    net.eval()
    with torch.no_grad():
        s = net(Xva).squeeze(1)
        val = cox_loss(s, Tva, Eva).item()
    if val < best[0]:
        best = (val, {k: v.clone() for k, v in net.state_dict().items()})
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d} train {total / batches:.3f} val {val:.3f} val c-index {concordance(s, Tva, Eva):.3f}")

net.load_state_dict(best[1])
net.eval()
with torch.no_grad():
    print("RESULT c_index", round(concordance(net(Xte).squeeze(1), Tte, Ete), 4))
