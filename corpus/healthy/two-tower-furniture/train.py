import math
import os
import random
from dataclasses import dataclass, field
from itertools import product
from typing import Callable, Dict, List, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

# what the catalogue says -> what customers type
ATTRIBUTES: Dict[str, Dict[str, List[str]]] = {
    "thing": {"kettle": ["boiler", "jug"], "lamp": ["light", "lantern"], "sofa": ["couch", "settee"],
              "carpet": ["rug", "mat"], "mirror": ["looking-glass", "reflector"], "cupboard": ["cabinet", "closet"],
              "stool": ["seat", "perch"], "curtain": ["drape", "blind"], "pan": ["skillet", "wok"], "basket": ["hamper", "crate"]},
    "colour": {"red": ["crimson", "scarlet"], "blue": ["navy", "azure"], "green": ["olive", "emerald"],
               "yellow": ["lemon", "amber"], "black": ["ebony", "jet"], "white": ["ivory", "snow"],
               "brown": ["chestnut", "tan"], "grey": ["silver", "slate"]},
    "material": {"wood": ["oak", "timber"], "metal": ["steel", "iron"], "cotton": ["cloth", "fabric"],
                 "plastic": ["acrylic", "resin"], "leather": ["hide", "suede"], "ceramic": ["clay", "porcelain"]},
    "size": {"small": ["tiny", "compact"], "large": ["big", "huge"], "tall": ["high", "long"], "flat": ["low", "slim"]},
    "room": {"kitchen": ["cooking", "dinner"], "bedroom": ["sleep", "night"], "office": ["desk", "work"],
             "garden": ["outdoor", "patio"], "hall": ["entry", "corridor"]},
}
DOC_FILLER = "new quality design classic modern handmade series range delivery stock".split()
QUERY_FILLER = "cheap buy nice my good want".split()

Product = Tuple[str, ...]


@dataclass
class Config:
    seed: int = field(default_factory=lambda: int(os.environ.get("SEED", "0")))
    n_train: int = 2560
    n_test: int = 400
    dim: int = 48
    hidden: int = 64
    batch_size: int = 128
    epochs: int = 16
    lr: float = 5e-3
    start_temperature: float = 0.1
    top_k: int = 5


class Vocabulary:
    def __init__(self, words):
        self.index = {w: i for i, w in enumerate(sorted(set(words)))}

    def __len__(self):
        return len(self.index)

    def __call__(self, words: List[str]) -> Tensor:
        return torch.tensor([self.index[w] for w in words])


class Pairs(Dataset):
    """A product and a query somebody might have typed for it (another one each time)."""

    def __init__(self, products: List[Product], docs: Vocabulary, queries: Vocabulary, rng: random.Random):
        self.products, self.docs, self.queries, self.rng = products, docs, queries, rng

    def __len__(self):
        return len(self.products)

    def __getitem__(self, i):
        p, rng = self.products[i], self.rng
        typed = [rng.choice(ATTRIBUTES[a][v]) for a, v in zip(ATTRIBUTES, p)]
        typed.pop(rng.randrange(1, len(typed)))              # one attribute is left out, never the thing itself
        return self.queries(typed + [rng.choice(QUERY_FILLER)]), self.docs(list(p) + rng.sample(DOC_FILLER, 3))


class Tower(nn.Module):
    def __init__(self, vocab: int, cfg: Config):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, cfg.dim, mode="mean")
        nn.init.normal_(self.bag.weight, std=0.3)
        self.mlp = nn.Sequential(nn.Linear(cfg.dim, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, cfg.dim))

    def forward(self, ids: Tensor) -> Tensor:
        h = self.bag(ids)
        return F.normalize(h + self.mlp(h), dim=-1)


class TwoTower(nn.Module):
    def __init__(self, n_query: int, n_doc: int, cfg: Config):
        super().__init__()
        self.query_tower, self.doc_tower = Tower(n_query, cfg), Tower(n_doc, cfg)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / cfg.start_temperature)))

    def forward(self, queries: Tensor, docs: Tensor) -> Tensor:
        scale = self.logit_scale.exp().clamp(max=100.0)
        return scale * self.query_tower(queries) @ self.doc_tower(docs).t()


def in_batch_loss(logits: Tensor) -> Tensor:
    labels = torch.arange(logits.size(0))
    return 0.5 * (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels))


@torch.no_grad()
def retrieval_metrics(model: TwoTower, loader: DataLoader, k: int) -> Dict[str, float]:
    model.eval()
    q, d = zip(*[(model.query_tower(a), model.doc_tower(b)) for a, b in loader])
    scores = torch.cat(q) @ torch.cat(d).t()
    ranks = (scores > scores.diagonal().unsqueeze(1)).sum(1)
    model.train()
    return {"recall": (ranks < k).float().mean().item(), "mrr": (1.0 / (ranks + 1)).mean().item()}


def fit(model: TwoTower, loader: DataLoader, cfg: Config, on_epoch_end: Callable[[int, float], None]) -> None:
    optimizer = torch.optim.NAdam(model.parameters(), lr=cfg.lr)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=cfg.epochs * len(loader))
    for epoch in range(1, cfg.epochs + 1):
        running = 0.0
        for queries, docs in loader:
            loss = in_batch_loss(model(queries, docs))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
        on_epoch_end(epoch, running / len(loader))


def main() -> None:
    cfg = Config()
    torch.manual_seed(cfg.seed)
    rng = random.Random(cfg.seed)
    catalogue = rng.sample(list(product(*ATTRIBUTES.values())), cfg.n_train + cfg.n_test)
    docs = Vocabulary([w for values in ATTRIBUTES.values() for w in values] + DOC_FILLER)
    queries = Vocabulary([s for values in ATTRIBUTES.values() for typed in values.values() for s in typed] + QUERY_FILLER)
    train = DataLoader(Pairs(catalogue[:cfg.n_train], docs, queries, rng), cfg.batch_size, shuffle=True, drop_last=True)
    # the products of the test are not in the training set; their queries are drawn once
    held_out = Pairs(catalogue[cfg.n_train:], docs, queries, random.Random(cfg.seed + 1))
    test = DataLoader([held_out[i] for i in range(len(held_out))], batch_size=200)

    model = TwoTower(len(queries), len(docs), cfg)
    print(f"{len(queries)} query words, {len(docs)} catalogue words; chance recall {cfg.top_k / cfg.n_test:.4f}")
    print("untrained", retrieval_metrics(model, test, cfg.top_k))

    def report(epoch: int, loss: float) -> None:
        if epoch % 2 == 0:
            m = retrieval_metrics(model, test, cfg.top_k)
            print(f"epoch {epoch:2d} loss {loss:.4f} scale {model.logit_scale.exp().item():.1f} recall {m['recall']:.4f} mrr {m['mrr']:.4f}")

    fit(model, train, cfg, report)
    print(f"RESULT recall_at_{cfg.top_k}", round(retrieval_metrics(model, test, cfg.top_k)["recall"], 4))


if __name__ == "__main__":
    main()
