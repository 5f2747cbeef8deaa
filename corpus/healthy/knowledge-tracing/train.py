import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
SKILLS = 12
difficulty = rng.normal(0, 1.2, SKILLS)


def student():
    """Answers of one student; each practice of a skill makes it a little easier."""
    n = rng.integers(15, 41)
    ability, practice = rng.normal(0, 1.0), np.zeros(SKILLS)
    skills, correct = rng.integers(0, SKILLS, n), np.zeros(n, dtype=np.int64)
    for t, k in enumerate(skills):
        p = 1 / (1 + np.exp(-(ability - difficulty[k] + 0.5 * practice[k])))
        correct[t] = rng.random() < p
        practice[k] += 1
    return torch.from_numpy(skills), torch.from_numpy(correct)


def collate(rows):
    skills = pad_sequence([s for s, _ in rows], batch_first=True)
    correct = pad_sequence([c for _, c in rows], batch_first=True)
    lengths = torch.tensor([len(s) for s, _ in rows])
    return skills, correct, torch.arange(skills.size(1))[None] < lengths[:, None]


class DKT(nn.Module):
    def __init__(self, dim=24, hidden=40):
        super().__init__()
        self.interaction = nn.Embedding(2 * SKILLS, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(hidden, SKILLS)

    def forward(self, skills, correct):
        """Logits for the answers 1.. from the interactions 0..t-1."""
        h, _ = self.lstm(self.interaction(skills + SKILLS * correct)[:, :-1])
        return self.out(self.drop(h)).gather(2, skills[:, 1:, None]).squeeze(2)


def masked_bce(logits, target, mask):
    loss = nn.functional.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
    return (loss * mask).sum() / mask.sum()


def evaluate(model, rows):
    model.eval()
    with torch.no_grad():
        skills, correct, mask = collate(rows)
        z, y, m = model(skills, correct), correct[:, 1:], mask[:, 1:]
    return masked_bce(z, y, m).item(), roc_auc_score(y[m].numpy(), z[m].numpy())


students = [student() for _ in range(900)]
train, valid, test = students[:600], students[600:700], students[700:]
loader = DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
model = DKT()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
best_auc, best = 0.0, None
for epoch in range(8):
    model.train()
    for skills, correct, mask in loader:
        optimizer.zero_grad()
        loss = masked_bce(model(skills, correct), correct[:, 1:], mask[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    train_loss, train_auc = evaluate(model, train)
    valid_loss, valid_auc = evaluate(model, valid)
    print(f"epoch {epoch}: train {train_loss:.4f} (AUC {train_auc:.3f})  valid {valid_loss:.4f} (AUC {valid_auc:.3f})")
    if valid_auc > best_auc:
        best_auc, best = valid_auc, {k: v.clone() for k, v in model.state_dict().items()}

model.load_state_dict(best)
print("RESULT test_auc", round(float(evaluate(model, test)[1]), 4))
