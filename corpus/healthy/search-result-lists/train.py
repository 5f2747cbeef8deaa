import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

CONFIG = dict(
    queries=320, held_out=80, longest=20, features=10,
    hidden=48, lr=3e-3, weight_decay=1e-4, epochs=30, queries_per_step=16,
    seed=int(os.environ.get("SEED", "0")),
)
# the best document of a list gets grade 4, the next two grade 3, and so on
GRADE_OF_RANK = torch.tensor([4, 3, 3, 2, 2, 2, 1, 1, 1, 1] + [0] * 10)


def make_lists(cfg):
    q, n, f = cfg["queries"], cfg["longest"], cfg["features"]
    length = torch.randint(8, n + 1, (q,))
    mask = torch.arange(n)[None, :] < length[:, None]
    x = torch.randn(q, n, f)
    appeal = 1.2 * x[..., 0] + torch.sin(2 * x[..., 1]) + 0.8 * x[..., 2] * x[..., 3] - 0.5 * x[..., 4].abs()
    appeal = appeal + 0.2 * torch.randn(q, n)
    order = appeal.masked_fill(~mask, -1e9).argsort(dim=1, descending=True)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(n).expand(q, n).contiguous())
    grade = GRADE_OF_RANK[rank] * mask
    return x * mask[..., None], grade, mask


def build(cfg):
    return nn.Sequential(
        nn.Linear(cfg["features"], cfg["hidden"]), nn.ReLU(),
        nn.Linear(cfg["hidden"], cfg["hidden"]), nn.ReLU(),
        nn.Linear(cfg["hidden"], 1),
    )


def list_loss(score, grade, mask):
    """ListNet: cross entropy between two distributions over the documents of one query."""
    wanted = torch.softmax(grade.float().masked_fill(~mask, -1e9), dim=1)
    log_prob = torch.log_softmax(score.masked_fill(~mask, -1e9), dim=1)
    return -(wanted * log_prob).sum(1).mean()


def ndcg(score, grade, mask, k=5):
    gain = (2.0 ** grade.float() - 1) * mask
    discount = 1 / torch.log2(torch.arange(2, k + 2).float())
    top = score.masked_fill(~mask, -1e9).topk(k, dim=1).indices
    got = (gain.gather(1, top) * discount).sum(1)
    best = (gain.topk(k, dim=1).values * discount).sum(1)
    return (got / best).mean().item()


def train(cfg):
    torch.manual_seed(cfg["seed"])
    x, grade, mask = make_lists(cfg)
    cut = cfg["queries"] - cfg["held_out"]
    model = build(cfg)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])

    def report(lo, hi):
        model.eval()
        with torch.no_grad():
            score = model(x[lo:hi]).squeeze(-1)
            return list_loss(score, grade[lo:hi], mask[lo:hi]).item(), ndcg(score, grade[lo:hi], mask[lo:hi])

    print("before training: loss %.4f ndcg@5 %.4f" % report(cut, cfg["queries"]))
    for epoch in range(cfg["epochs"]):
        model.train()
        for idx in torch.randperm(cut).split(cfg["queries_per_step"]):
            opt.zero_grad(set_to_none=True)
            loss = list_loss(model(x[idx]).squeeze(-1), grade[idx], mask[idx])
            loss.backward()
            opt.step()
        if (epoch + 1) % 5 == 0:
            tr, te = report(0, cut), report(cut, cfg["queries"])
            print(f"epoch {epoch + 1}: train loss {tr[0]:.4f} ndcg@5 {tr[1]:.4f} | held out loss {te[0]:.4f} ndcg@5 {te[1]:.4f}")
    return report(cut, cfg["queries"])[1]


print(f"RESULT ndcg_at_5 {train(CONFIG):.4f}")
