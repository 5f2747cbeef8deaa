import os

import torch
import torch.nn as nn

# Order of help articles for a question, by LambdaRank: the gradients of the scores are written down directly
# (swaps weighted by what they would change of the NDCG) and handed to backward(); there is no loss value.

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

N_FEATURES, MAX_DOCS, TOP = 10, 20, 5


def questions(n):
    """Padded lists of 10 to 20 articles with grades 0..4; -1 marks padding."""
    x = torch.randn(n, MAX_DOCS, N_FEATURES)
    u = 1.2 * x[..., 0] + 0.8 * x[..., 1] * x[..., 2] + 0.9 * torch.tanh(2 * x[..., 3]) - 0.7 * x[..., 4].abs()
    u = u + 0.3 * torch.randn(n, MAX_DOCS)
    grade = torch.bucketize(u, torch.tensor([-0.8, 0.3, 1.3, 2.3]))
    present = torch.arange(MAX_DOCS) < torch.randint(10, MAX_DOCS + 1, (n, 1))
    return x * present.unsqueeze(-1), torch.where(present, grade, torch.full_like(grade, -1))


def gains(grade):
    return torch.where(grade >= 0, 2.0 ** grade.clamp(min=0).float() - 1, torch.zeros(()))


def ideal_dcg(grade, top=None):
    best = gains(grade).sort(1, descending=True).values
    best = best if top is None else best[:, :top]
    discount = 1 / torch.log2(torch.arange(best.shape[1]).float() + 2)
    return (best * discount).sum(1).clamp(min=1e-6)


def ndcg(scores, grade, top=TOP):
    order = scores.masked_fill(grade < 0, -1e9).argsort(1, descending=True)[:, :top]
    discount = 1 / torch.log2(torch.arange(top).float() + 2)
    dcg = (gains(grade).gather(1, order) * discount).sum(1)
    return (dcg / ideal_dcg(grade, top)).mean().item()


@torch.no_grad()
def lambdas(scores, grade):
    """d(cost)/d(score), n x docs; negative pushes an article up."""
    absent = grade < 0
    rank = scores.masked_fill(absent, -1e9).argsort(1, descending=True).argsort(1)
    discount = 1 / torch.log2(rank.float() + 2)
    g = gains(grade)
    swap = (g[:, :, None] - g[:, None, :]).abs() * (discount[:, :, None] - discount[:, None, :]).abs()
    swap = swap / ideal_dcg(grade)[:, None, None]
    better = (grade[:, :, None] > grade[:, None, :]) & ~absent[:, :, None] & ~absent[:, None, :]
    rho = torch.sigmoid(scores[:, None, :] - scores[:, :, None]) * swap * better     # [i, j]: i should stand above j
    return rho.sum(1) - rho.sum(2), rho.sum().item() / len(scores)


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(N_FEATURES, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


class History:
    """Keeps the best weights by NDCG on the questions set aside for that."""

    def __init__(self):
        self.best, self.state, self.rows = -1.0, None, []

    def __call__(self, epoch, push, value, model):
        self.rows.append((epoch, push, value))
        if value > self.best:
            self.best, self.state = value, {k: v.clone() for k, v in model.state_dict().items()}
        if epoch % 5 == 0:
            print(f"epoch {epoch:3d} sum of lambdas {push:.4f} ndcg@{TOP} valid {value:.4f} best {self.best:.4f}")


x, grade = questions(640)
x_valid, grade_valid = questions(120)
x_test, grade_test = questions(200)
model = Scorer()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)
history = History()

for epoch in range(1, 31):
    push = 0.0
    batches = torch.randperm(len(x)).split(32)
    for idx in batches:
        scores = model(x[idx])
        grad, size = lambdas(scores.detach(), grade[idx])
        optimizer.zero_grad()
        scores.backward(gradient=grad / len(idx))
        optimizer.step()
        push += size / len(batches)
    scheduler.step()
    with torch.no_grad():
        history(epoch, push, ndcg(model(x_valid), grade_valid), model)

model.load_state_dict(history.state)
with torch.no_grad():
    final = ndcg(model(x_test), grade_test)
    by_chance = ndcg(torch.rand(len(x_test), MAX_DOCS), grade_test)
    one_feature = ndcg(x_test[..., 0], grade_test)
print(f"order by chance {by_chance:.4f}, by the search engine's own score {one_feature:.4f}, learned {final:.4f}")
print("RESULT ndcg_at_5", round(final, 4))
