# Heating power of a greenhouse from the weather; skorch regressor with callbacks and a penalty on the first layer
import os
import tempfile

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNetRegressor
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from skorch.dataset import ValidSplit
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)

SEED = int(os.environ.get("SEED", "0"))
EPOCHS = 36


def weather_station(n, rng):
    hour = rng.uniform(0, 24, n)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.uniform(0.2, 1.0, n)
    frame = pd.DataFrame({
        "hour_sin": np.sin(2 * np.pi * hour / 24),
        "hour_cos": np.cos(2 * np.pi * hour / 24),
        "outside": rng.normal(6, 6, n) + 5 * sun,
        "sun": sun,
        "wind": rng.gamma(2.0, 2.0, n),
        "humidity": rng.uniform(0.3, 1.0, n),
        "setpoint": rng.choice([14.0, 17.0, 20.0], n),
        "screen": rng.integers(0, 2, n).astype(float),
    })
    gap = frame["setpoint"] - frame["outside"]
    loss = (0.9 - 0.35 * frame["screen"]) * gap * (1 + 0.06 * frame["wind"])
    need = loss - 9.0 * frame["sun"]
    power = 3.0 * np.log1p(np.exp(need / 3.0)) + rng.normal(0, 0.4, n)   # a heater does not cool
    return frame, power.to_numpy()


class HeatNet(torch.nn.Module):
    def __init__(self, n_in, width=48):
        super().__init__()
        self.first = torch.nn.Linear(n_in, width)
        self.second = torch.nn.Linear(width, width)
        self.last = torch.nn.Linear(width, 1)

    def forward(self, X):
        h = torch.nn.functional.silu(self.first(X))
        h = h + torch.nn.functional.silu(self.second(h))
        return self.last(h)


class SparseInputRegressor(NeuralNetRegressor):
    """Adds an L1 penalty on the weights that read the inputs."""

    def __init__(self, *args, lambda1=1e-4, **kwargs):
        super().__init__(*args, **kwargs)
        self.lambda1 = lambda1

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        if training:
            loss = loss + self.lambda1 * self.module_.first.weight.abs().sum()
        return loss


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    frame, power = weather_station(2100, rng)
    x_scale, y_scale = StandardScaler(), StandardScaler()
    X_train = x_scale.fit_transform(frame.iloc[:1600]).astype(np.float32)
    y_train = y_scale.fit_transform(power[:1600, None]).astype(np.float32)
    X_test = x_scale.transform(frame.iloc[1600:]).astype(np.float32)

    with tempfile.TemporaryDirectory() as folder:
        net = SparseInputRegressor(
            HeatNet,
            module__n_in=X_train.shape[1],
            criterion=torch.nn.MSELoss,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=1e-3,
            lr=4e-3,
            lambda1=1e-4,
            max_epochs=EPOCHS,
            batch_size=64,
            iterator_train__shuffle=True,
            train_split=ValidSplit(5, stratified=False),
            callbacks=[
                ("r2", EpochScoring("r2", lower_is_better=False, name="valid_r2")),
                ("clip", GradientNormClipping(gradient_clip_value=2.0)),
                ("rate", LRScheduler(policy=torch.optim.lr_scheduler.CosineAnnealingLR, T_max=EPOCHS)),
                ("keep", Checkpoint(monitor="valid_loss_best", dirname=folder, load_best=True)),
                ("stop", EarlyStopping(monitor="valid_loss", patience=12)),
            ],
            verbose=0,
        )
        net.fit(X_train, y_train)

    for row in net.history[::6]:
        print(f"epoch {row['epoch']:3d}  train {row['train_loss']:.4f}  valid {row['valid_loss']:.4f}  r2 {row['valid_r2']:.4f}")
    guess = y_scale.inverse_transform(net.predict(X_test)).ravel()
    print("mean absolute error in kW:", round(float(mean_absolute_error(power[1600:], guess)), 3))
    print("RESULT test_r2", round(float(r2_score(power[1600:], guess)), 4))


if __name__ == "__main__":
    main()
