# Diagnosis from blood panels of three clinics. The clinics' machines differ and so do their patients, so the code of a panel
# should not say where it was measured: an adversary that guesses the clinic is trained three times as often as the encoder,
# and the encoder is trained to leave it guessing.
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

D, CLINICS, CODE = 30, 3, 10
STEPS, ADVERSARY_STEPS, BATCH = 700, 3, 128

marker = rng.normal(size=10)
marker *= 1.9 / np.linalg.norm(marker)
machine = rng.normal(size=(CLINICS, 15))
machine -= machine.mean(0)
machine *= 1.8 / np.linalg.norm(machine, axis=1, keepdims=True)


def panels(n, rates):
    clinic = rng.integers(0, CLINICS, n)
    ill = (rng.random(n) < np.array(rates)[clinic]).astype(int)
    x = rng.normal(size=(n, D))
    x[:, 0:10] += (2 * ill - 1)[:, None] * marker
    x[:, 8:23] += machine[clinic]
    return x, ill, clinic


x_np, ill_np, clinic_np = panels(3000, [0.35, 0.5, 0.65])
xt_np, illt_np, clinict_np = panels(1500, [0.5, 0.5, 0.5])
mean, std = x_np.mean(0), x_np.std(0)
x = torch.tensor((x_np - mean) / std, dtype=torch.float32)
xt = torch.tensor((xt_np - mean) / std, dtype=torch.float32)
ill, clinic = torch.tensor(ill_np), torch.tensor(clinic_np)
illt, clinict = torch.tensor(illt_np), torch.tensor(clinict_np)

encoder = nn.Sequential(nn.Linear(D, 40), nn.LeakyReLU(0.1), nn.Linear(40, CODE), nn.LayerNorm(CODE))
doctor = nn.Linear(CODE, 2)
adversary = nn.Sequential(nn.Linear(CODE, 32), nn.ReLU(), nn.Linear(32, CLINICS))

opt_main = torch.optim.Adam([*encoder.parameters(), *doctor.parameters()], lr=1e-3)
opt_adv = torch.optim.Adam(adversary.parameters(), lr=2e-3, betas=(0.5, 0.999))


def pick():
    return torch.randint(0, len(x), (BATCH,))


log = {"diagnosis": [], "adversary": [], "confusion": []}
for step in range(1, STEPS + 1):
    # the adversary, several steps on codes that are held fixed
    for _ in range(ADVERSARY_STEPS):
        i = pick()
        with torch.no_grad():
            code = encoder(x[i])
        adv_loss = F.cross_entropy(adversary(code), clinic[i])
        opt_adv.zero_grad()
        adv_loss.backward()
        opt_adv.step()

    # encoder and doctor, one step
    i = pick()
    code = encoder(x[i])
    diagnosis = F.cross_entropy(doctor(code), ill[i])
    adversary.requires_grad_(False)
    confusion = -F.log_softmax(adversary(code), dim=1).mean()  # least when every clinic is equally likely
    adversary.requires_grad_(True)
    strength = 0.8 * min(1.0, step / 200)
    opt_main.zero_grad()
    (diagnosis + strength * confusion).backward()
    opt_main.step()

    log["diagnosis"].append(diagnosis.item())
    log["adversary"].append(adv_loss.item())
    log["confusion"].append(confusion.item())
    if step % 100 == 0:
        print(f"step {step}: " + " ".join(f"{k} {np.mean(v[-100:]):.4f}" for k, v in log.items()) + f" (chance {math.log(CLINICS):.4f})")

for m in (encoder, doctor, adversary):
    m.eval()
with torch.no_grad():
    z, zt = encoder(x), encoder(xt)
    right = (doctor(zt).argmax(1) == illt).float()
    accuracy = right.mean().item()
    by_clinic = [right[clinict == c].mean().item() for c in range(CLINICS)]
probe = LogisticRegression(max_iter=500).fit(z.numpy(), clinic_np).score(zt.numpy(), clinict_np)
plain = LogisticRegression(max_iter=500).fit(x.numpy(), clinic_np).score(xt.numpy(), clinict_np)
print("accuracy by clinic", [round(v, 3) for v in by_clinic])
print(f"clinic guessed from the panel {plain:.3f}, from the code {probe:.3f}")
print("RESULT diagnosis_accuracy", round(accuracy, 4))
