import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.RandomState(seed)

# synthetic cohort, roughly 40 % censored
n = 2000
cov = rng.randn(n, 8).astype("float32")
risk = 0.9 * cov[:, 0] - 0.6 * cov[:, 1] + 0.5 * cov[:, 2] ** 2 + 0.7 * cov[:, 3] * (cov[:, 4] > 0)
event_time = rng.exponential(scale=np.exp(-risk) * 10)
censor_time = rng.exponential(scale=15, size=n)
time = np.minimum(event_time, censor_time)
event = (event_time <= censor_time).astype("float32")
print(f"{n} patients, {event.mean():.2f} with an event")
x, tm, ev = torch.tensor(cov), torch.tensor(time), torch.tensor(event)
tr, te = slice(0, 1500), slice(1500, n)


def cox_loss(log_h, t, e):
    """Negative log partial likelihood, per event; the risk set of a patient is everyone who is still there."""
    order = torch.argsort(t, descending=True)
    log_h, e = log_h[order], e[order]
    log_cum = torch.logcumsumexp(log_h, dim=0)
    return -((log_h - log_cum) * e).sum() / e.sum().clamp(min=1)


def concordance(score, t, e):
    earlier = (t[:, None] < t[None, :]) & (e[:, None] == 1)
    diff = score[:, None] - score[None, :]
    good = (diff > 0).double() + 0.5 * (diff == 0).double()
    return (good * earlier).sum().item() / earlier.sum().item()


model = nn.Sequential(nn.Linear(8, 32), nn.SELU(), nn.AlphaDropout(0.05), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 1, bias=False))
for m in model:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="linear")
opt = torch.optim.RMSprop(model.parameters(), lr=3e-3)
for epoch in range(1, 41):
    model.train()
    losses = []
    for b in torch.randperm(1500).split(250):
        loss = cox_loss(model(x[tr][b]).squeeze(-1), tm[tr][b], ev[tr][b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            c = concordance(model(x[te]).squeeze(-1), tm[te], ev[te])
        print(f"epoch {epoch:3d} partial likelihood {np.mean(losses):.4f} c-index {c:.4f}")
print("c-index of the true risk", round(concordance(torch.tensor(risk[te]), tm[te], ev[te]), 4))
print("RESULT c_index", round(c, 4))
