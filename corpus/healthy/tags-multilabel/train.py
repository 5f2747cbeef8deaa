import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
np.random.seed(seed)


class SquareReLU(torch.autograd.Function):
    """max(x, 0)^2"""

    @staticmethod
    def forward(ctx, x):
        r = x.clamp(min=0)
        ctx.save_for_backward(r)
        return r * r

    @staticmethod
    def backward(ctx, grad_out):
        r, = ctx.saved_tensors
        return 2 * r * grad_out


class Tagger(nn.Module):
    def __init__(self, n_words, n_tags, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(n_words, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(hidden, n_tags)

    def forward(self, x):
        return self.fc2(self.drop(SquareReLU.apply(self.norm(self.fc1(x)))))


check = torch.randn(5, 3, dtype=torch.double, requires_grad=True)
assert torch.autograd.gradcheck(SquareReLU.apply, (check,))

# documents as word counts, on average two of six tags
counts, tags = make_multilabel_classification(n_samples=5000, n_features=60, n_classes=6, n_labels=2, length=60, random_state=0)
logc = np.log1p(counts)
x_tr, x_te, y_tr, y_te = train_test_split(logc, tags, test_size=0.25, random_state=seed)
x_tr, x_va, y_tr, y_va = train_test_split(x_tr, y_tr, test_size=0.2, random_state=seed)
mu, sd = x_tr.mean(0), x_tr.std(0) + 1e-8
x_tr, x_va, x_te = (torch.tensor((a - mu) / sd, dtype=torch.float32) for a in (x_tr, x_va, x_te))
y_tr, y_va = torch.tensor(y_tr, dtype=torch.float32), torch.tensor(y_va, dtype=torch.float32)

pos_weight = (len(y_tr) - y_tr.sum(0)) / y_tr.sum(0)
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight.clamp(max=5.0).sqrt())
model = Tagger(60, 6)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
lowest, kept = float("inf"), None
for epoch in range(12):
    model.train()
    loss_sum = 0.0
    for batch in torch.randperm(len(x_tr)).split(64):
        loss = criterion(model(x_tr[batch]), y_tr[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(batch)
    model.eval()
    with torch.no_grad():
        z = model(x_va)
        val = criterion(z, y_va).item()
    print(f"epoch {epoch:2d}  train {loss_sum / len(x_tr):.4f}  val {val:.4f}  val F1 {f1_score(y_va.numpy(), (z > 0).numpy(), average='macro'):.3f}")
    if val < lowest:
        lowest, kept = val, {k: v.clone() for k, v in model.state_dict().items()}

model.load_state_dict(kept)
model.eval()
with torch.no_grad():
    pred = (model(x_te) > 0).int().numpy()
print("RESULT macro_f1", round(float(f1_score(y_te, pred, average="macro")), 4))
