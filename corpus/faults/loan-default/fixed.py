import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

FEATURES = ["log_income", "debt_ratio", "age", "late_payments", "utilisation", "tenure", "enquiries", "savings_ratio"]


def portfolio(n, rng, default_rate=0.03):
    """Loan applications; `default` tells whether the loan was written off within two years."""
    default = (rng.random(n) < default_rate).astype(np.int64)
    z = rng.standard_normal((n, len(FEATURES)))
    z[:, [1, 3, 4]] += 0.8 * default[:, None]
    z[:, [0, 7]] -= 0.7 * default[:, None]
    frame = pd.DataFrame(z, columns=FEATURES)
    frame["log_income"] = 10.4 + 0.5 * frame["log_income"]
    frame["debt_ratio"] = 0.35 + 0.12 * frame["debt_ratio"]
    frame["age"] = 43 + 11 * frame["age"]
    frame["tenure"] = 6 + 2.5 * frame["tenure"]
    frame["default"] = default
    return frame


class Scorer(nn.Module):
    def __init__(self, n_features, hidden=24):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


class Trainer:
    def __init__(self, lr=2e-3, weight_decay=1e-3, batch_size=256, epochs=8):
        self.lr, self.weight_decay = lr, weight_decay
        self.batch_size, self.epochs = batch_size, epochs
        self.scaler = StandardScaler()

    def _tensors(self, frame):
        x = torch.tensor(self.scaler.transform(frame[FEATURES]), dtype=torch.float32)
        return x, torch.tensor(frame["default"].to_numpy(), dtype=torch.float32)

    def fit(self, frame, validation):
        self.scaler.fit(frame[FEATURES])
        x, y = self._tensors(frame)
        rate = y.mean().item()
        print(f"{len(y)} applications, {rate:.2%} written off")
        self.model = Scorer(x.shape[1])
        criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor((1 - rate) / rate))
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        loader = DataLoader(TensorDataset(x, y), batch_size=self.batch_size, shuffle=True)
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            total = 0.0
            for xb, yb in loader:
                optimizer.zero_grad()
                loss = criterion(self.model(xb), yb)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(yb)
            scores = self.evaluate(validation)
            shown = "  ".join(f"{k} {v:.4f}" for k, v in scores.items())
            print(f"epoch {epoch}: loss {total / len(y):.4f}  {shown}")
        return scores

    def evaluate(self, frame):
        x, y = self._tensors(frame)
        self.model.eval()
        with torch.no_grad():
            flagged = (torch.sigmoid(self.model(x)) >= 0.5).int().numpy()
        truth = y.int().numpy()
        return {
            "accuracy": float((flagged == truth).mean()),
            "recall": recall_score(truth, flagged, zero_division=0),
            "balanced": balanced_accuracy_score(truth, flagged),
        }


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    frame = portfolio(20000, np.random.default_rng(seed))
    train, test = train_test_split(frame, test_size=0.3, stratify=frame["default"], random_state=seed)
    scores = Trainer().fit(train, test)
    print(f"RESULT balanced_accuracy {scores['balanced']:.4f}")


if __name__ == "__main__":
    main()
