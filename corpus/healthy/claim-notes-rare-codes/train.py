"""Codes of insurance claims from short notes and the amount. Five codes, the rarest at 4%: each batch has as many of each."""
import copy
import os

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import balanced_accuracy_score, classification_report
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

KEYWORDS = {
    "water": "leak pipe burst ceiling damp boiler flood tap washing carpet bathroom mould",
    "theft": "stolen broken lock bicycle laptop police report burglar window missing jewellery garage",
    "storm": "wind roof tiles tree fence hail gutter flood chimney antenna branch awning",
    "glass": "window pane cracked stone windscreen shower door splinter mirror double glazing balcony",
    "fire": "smoke burnt kitchen stove candle cable soot ceiling curtain brigade toaster short",
}
WEIGHTS = {"water": 0.45, "theft": 0.29, "storm": 0.14, "glass": 0.08, "fire": 0.04}
LOG_AMOUNT = {"water": 7.2, "theft": 6.8, "storm": 7.4, "glass": 5.9, "fire": 8.3}
FILLER = (
    "customer called yesterday reports damage to the house and asks for visit photos attached follow invoice will be sent "
    "please check cover policy tenant owner first floor second morning evening weekend repair quote urgent neighbour says "
    "insured since long no earlier claims letter phone mail contact again soon expert needed cost estimate"
).split()


def make_claims(n, rng):
    codes = rng.choice(list(WEIGHTS), size=n, p=list(WEIGHTS.values()))
    words = {c: k.split() for c, k in KEYWORDS.items()}
    notes = []
    for code in codes:
        note = []
        for u in rng.random(rng.integers(6, 13)):
            if u < 0.36:
                pool = words[code]
            elif u < 0.43:
                pool = words[list(words)[rng.integers(5)]]
            else:
                pool = FILLER
            note.append(pool[rng.integers(len(pool))])
        notes.append(" ".join(note))
    amount = np.exp(np.array([LOG_AMOUNT[c] for c in codes]) + rng.normal(0, 0.8, n)).round(2)
    return pd.DataFrame({"note": notes, "amount": amount, "code": codes})


class BalancedBatches(Sampler):
    """Batches with `per_class` rows of each class; every class runs through its own shuffled deck."""

    def __init__(self, labels, per_class, n_batches, seed):
        self.rng = np.random.default_rng(seed)
        self.rows = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
        self.decks = [[] for _ in self.rows]
        self.per_class, self.n_batches = per_class, n_batches

    def _draw(self, c):
        while len(self.decks[c]) < self.per_class:
            self.decks[c].extend(self.rng.permutation(self.rows[c]).tolist())
        taken, self.decks[c] = self.decks[c][: self.per_class], self.decks[c][self.per_class :]
        return taken

    def __iter__(self):
        for _ in range(self.n_batches):
            yield [i for c in range(len(self.rows)) for i in self._draw(c)]

    def __len__(self):
        return self.n_batches


class FocalLoss(nn.Module):
    def __init__(self, gamma=1.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, logits, target):
        log_p = nn.functional.log_softmax(logits, dim=1).gather(1, target[:, None]).squeeze(1)
        return (-((1 - log_p.exp()) ** self.gamma) * log_p).mean()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    claims = make_claims(2600, rng)
    names = sorted(WEIGHTS)
    claims["y"] = claims["code"].map({c: i for i, c in enumerate(names)}).astype("int64")
    train, rest = train_test_split(claims, test_size=0.42, stratify=claims["y"], random_state=SEED)
    valid, test = train_test_split(rest, test_size=0.6, stratify=rest["y"], random_state=SEED)

    tfidf = TfidfVectorizer(max_features=160, sublinear_tf=True).fit(train["note"])
    log_amount = np.log(train["amount"])
    centre, spread = log_amount.mean(), log_amount.std()

    def tensors(frame):
        text = tfidf.transform(frame["note"]).toarray()
        amount = ((np.log(frame["amount"]) - centre) / spread).to_numpy()[:, None]
        x = torch.tensor(np.hstack([text, amount]), dtype=torch.float32)
        return x, torch.tensor(frame["y"].to_numpy(), dtype=torch.long)

    (x, y), (x_va, y_va), (x_te, y_te) = map(tensors, (train, valid, test))
    print("training rows per code:", train["code"].value_counts().to_dict())

    loader = DataLoader(TensorDataset(x, y), batch_sampler=BalancedBatches(y.numpy(), per_class=8, n_batches=30, seed=SEED))
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, len(names)))
    criterion = FocalLoss(gamma=1.0)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.02, weight_decay=1e-4)

    def predict(inputs):
        model.eval()
        with torch.no_grad():
            return model(inputs).argmax(1).numpy()

    best, best_state = 0.0, None
    for epoch in range(12):
        model.train()
        losses = []
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        score = balanced_accuracy_score(y_va, predict(x_va))
        if score > best:
            best, best_state = score, copy.deepcopy(model.state_dict())
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d} focal loss {np.mean(losses):.4f} valid balanced accuracy {score:.4f}")

    model.load_state_dict(best_state)
    guess = predict(x_te)
    print(classification_report(y_te.numpy(), guess, target_names=names, digits=3))
    fresh = pd.DataFrame({"note": ["smoke and soot in kitchen", "stone cracked pane of balcony"], "amount": [5200.0, 310.0], "y": [0, 0]})
    for note, k in zip(fresh["note"], predict(tensors(fresh)[0])):
        print(f"{note!r} -> {names[k]}")
    print("RESULT balanced_accuracy", round(float(balanced_accuracy_score(y_te.numpy(), guess)), 4))


if __name__ == "__main__":
    main()
