"""Daily yield of photovoltaic plants from weather and plant data."""
import argparse
import copy
import os

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

NUMERIC = ["irradiation", "air_temp", "wind", "age_years", "tilt"]
CATEGORIES = ["cell", "inverter"]
TARGET = "kwh_per_kwp"


def make_table(n, rng):
    df = pd.DataFrame({
        "irradiation": rng.gamma(6.0, 0.75, n).clip(0.5, 9.0),
        "air_temp": rng.normal(14.0, 8.0, n),
        "wind": rng.weibull(2.0, n) * 4.0,
        "age_years": rng.integers(0, 16, n).astype(float),
        "tilt": rng.uniform(10.0, 45.0, n),
        "cell": rng.choice(["mono", "poly", "cdte", "hjt"], n),
        "inverter": rng.choice(list("ABCDEFGH"), n),
    })
    cell = df["cell"].map({"mono": 0.86, "poly": 0.80, "cdte": 0.77, "hjt": 0.92}).astype(float)
    inverter = df["inverter"].map(dict(zip("ABCDEFGH", [0.99, 0.97, 0.95, 0.93, 0.98, 0.90, 0.96, 0.94]))).astype(float)
    cell_temp = df["air_temp"] + 4.0 * df["irradiation"] - 1.2 * df["wind"]
    tilt_gain = 1.0 - ((df["tilt"] - 32.0) / 60.0) ** 2
    clean = df["irradiation"] * cell * inverter * (1.0 - 0.004 * (cell_temp - 25.0)) * 0.992 ** df["age_years"] * tilt_gain
    df[TARGET] = clean + rng.normal(0.0, 0.12, n)
    return df


class YieldNet(nn.Module):
    def __init__(self, n_numeric, cardinalities, width):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(c, 4) for c in cardinalities])
        self.body = nn.Sequential(
            nn.Linear(n_numeric + 4 * len(cardinalities), width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 1),
        )

    def forward(self, numeric, codes):
        parts = [numeric] + [emb(codes[:, i]) for i, emb in enumerate(self.embeddings)]
        return self.body(torch.cat(parts, dim=1)).squeeze(1)


class Trainer:
    def __init__(self, model, args):
        self.model = model
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, factor=0.5, patience=4)
        self.patience = args.patience

    def run_epoch(self, loader, training):
        self.model.train(training)
        total, count = 0.0, 0
        with torch.set_grad_enabled(training):
            for numeric, codes, target in loader:
                loss = self.criterion(self.model(numeric, codes), target)
                if training:
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                total += loss.item() * len(target)
                count += len(target)
        return total / count

    def fit(self, train_loader, val_loader, epochs):
        best, best_state, waited = float("inf"), None, 0
        for epoch in range(1, epochs + 1):
            train_loss = self.run_epoch(train_loader, True)
            val_loss = self.run_epoch(val_loader, False)
            self.scheduler.step(val_loss)
            if val_loss < best - 1e-5:
                best, best_state, waited = val_loss, copy.deepcopy(self.model.state_dict()), 0
            else:
                waited += 1
            if epoch % 5 == 0:
                print(f"epoch {epoch:3d}  train {train_loss:.4f}  val {val_loss:.4f}  lr {self.optimizer.param_groups[0]['lr']:.1e}")
            if waited >= self.patience:
                print(f"stopped after epoch {epoch}, best validation loss {best:.4f}")
                break
        self.model.load_state_dict(best_state)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--patience", type=int, default=12)
    args = parser.parse_args()

    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    df = make_table(args.rows, np.random.default_rng(seed))
    for name in CATEGORIES:
        df[name] = df[name].astype("category").cat.codes.astype("int64")
    train_df, rest = train_test_split(df, test_size=0.3, random_state=seed)
    val_df, test_df = train_test_split(rest, test_size=0.5, random_state=seed)

    scaler = StandardScaler().fit(train_df[NUMERIC].to_numpy())
    mean, std = train_df[TARGET].mean(), train_df[TARGET].std()

    def tensors(frame):
        return TensorDataset(
            torch.tensor(scaler.transform(frame[NUMERIC].to_numpy()), dtype=torch.float32),
            torch.tensor(frame[CATEGORIES].to_numpy(), dtype=torch.long),
            torch.tensor(((frame[TARGET] - mean) / std).to_numpy(), dtype=torch.float32),
        )

    train_loader = DataLoader(tensors(train_df), batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(tensors(val_df), batch_size=256)
    cardinalities = [int(df[name].max()) + 1 for name in CATEGORIES]
    model = YieldNet(len(NUMERIC), cardinalities, args.width)
    trainer = Trainer(model, args)
    trainer.fit(train_loader, val_loader, args.epochs)

    numeric, codes, target = tensors(test_df).tensors
    model.eval()
    with torch.no_grad():
        prediction = model(numeric, codes)
    r2 = 1.0 - ((prediction - target) ** 2).sum() / ((target - target.mean()) ** 2).sum()
    print(f"test MAE {(prediction - target).abs().mean().item() * std:.3f} kWh per kWp")
    print(f"RESULT test_r2 {r2.item():.4f}")


if __name__ == "__main__":
    main()
