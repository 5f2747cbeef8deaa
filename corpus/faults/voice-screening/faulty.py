"""Screening for a voice disorder from repeated recordings of each person.

The number of epochs is chosen on the validation recordings; afterwards the screen is used in
another clinic, on people nobody has heard before.
"""
import copy
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

MEASURES = [f"m{k:02d}" for k in range(20)]


def clinic(n_people, recordings, rng, direction):
    """Voices differ a lot between people, a little between the recordings of one person."""
    ill = rng.permutation(np.arange(n_people) % 2)
    voice = rng.standard_normal((n_people, len(MEASURES))) + np.outer(ill - 0.5, direction)
    person = np.repeat(np.arange(n_people), recordings)
    values = voice[person] + 0.2 * rng.standard_normal((len(person), len(MEASURES)))
    frame = pd.DataFrame(values, columns=MEASURES)
    frame["person"], frame["ill"] = person, ill[person]
    return frame


def split(frame, rng, share=0.25):
    keys = np.arange(len(frame))
    drawn = rng.permutation(np.unique(keys))
    in_val = np.isin(keys, drawn[:int(share * len(drawn))])
    return frame[~in_val], frame[in_val]


def to_tensors(frame, scaler):
    x = torch.tensor(scaler.transform(frame[MEASURES]), dtype=torch.float32)
    return x, torch.tensor(frame["ill"].to_numpy())


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        scores = model(x)
    return nn.functional.cross_entropy(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.waited, self.state = patience, float("inf"), 0, None

    def update(self, loss, model):
        if loss < self.best - 1e-4:
            self.best, self.waited, self.state = loss, 0, copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


def main(max_epochs=100, batch=64):
    rng = np.random.default_rng(SEED)
    direction = np.zeros(len(MEASURES))
    direction[:5] = 1.3 / np.sqrt(5)
    here = clinic(320, 5, rng, direction)
    elsewhere = clinic(400, 4, rng, direction)

    train_frame, val_frame = split(here, rng)
    scaler = StandardScaler().fit(train_frame[MEASURES])
    x_train, y_train = to_tensors(train_frame, scaler)
    x_val, y_val = to_tensors(val_frame, scaler)
    print(f"{len(x_train)} recordings for training, {len(x_val)} for validation")

    model = nn.Sequential(nn.Linear(len(MEASURES), 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    stopping = EarlyStopping(patience=3)
    for epoch in range(1, max_epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x_train)).split(batch):
            loss = nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        val_loss, val_acc = evaluate(model, x_val, y_val)
        if epoch % 5 == 1:
            print(f"epoch {epoch:2d}  train loss {total / len(x_train):.4f}  val loss {val_loss:.4f}  val accuracy {val_acc:.4f}")
        if stopping.update(val_loss, model):
            break

    model.load_state_dict(stopping.state)
    _, val_acc = evaluate(model, x_val, y_val)
    _, new_acc = evaluate(model, *to_tensors(elsewhere, scaler))
    print(f"stopped after epoch {epoch}: validation {val_acc:.4f}, other clinic {new_acc:.4f}")
    print(f"RESULT validation_minus_new {abs(val_acc - new_acc):.4f}")


if __name__ == "__main__":
    main()
