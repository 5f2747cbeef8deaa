"""Courier trip times with their spread: Keras on torch, a train_step of our own with a Gaussian likelihood."""
import math
import os

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch

torch.set_num_threads(1)

import keras

SEED = int(os.environ.get("SEED", "0"))


def trips(n, rng):
    km = rng.uniform(0.5, 12.0, n)
    hour = rng.uniform(7.0, 21.0, n)
    rain = (rng.random(n) < 0.3).astype(float)
    hill = rng.normal(size=n)
    rush = np.exp(-0.5 * ((hour - 8.5) / 1.0) ** 2) + np.exp(-0.5 * ((hour - 17.5) / 1.2) ** 2)
    mean = 4.0 + 2.6 * km * (1.0 + 0.5 * rush) + 3.0 * rain + 1.0 * hill
    spread = 0.5 + 0.22 * km * (1.0 + rain)      # long wet trips are hard to tell
    minutes = mean + spread * rng.normal(size=n)
    clock = 2 * np.pi * (hour - 7.0) / 14.0
    x = np.stack([km, np.sin(clock), np.cos(clock), np.sin(2 * clock), np.cos(2 * clock), rain, hill], axis=1)
    return x, minutes[:, None]


def gaussian_nll(y, out):
    """Mean over the batch of the negative log likelihood, up to a constant."""
    mean, scale = out[:, :1], torch.nn.functional.softplus(out[:, 1:]) + 0.02
    return (torch.log(scale) + 0.5 * ((y - mean) / scale) ** 2).mean()


class SpreadModel(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.nll_tracker = keras.metrics.Mean(name="nll")
        self.mae_tracker = keras.metrics.MeanAbsoluteError(name="mae")

    @property
    def metrics(self):
        return [self.nll_tracker, self.mae_tracker]

    def _record(self, loss, y, out):
        self.nll_tracker.update_state(loss.detach())
        self.mae_tracker.update_state(y, out[:, :1].detach())
        return {m.name: m.result() for m in self.metrics}

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        out = self(x, training=True)
        loss = gaussian_nll(y, out)
        loss.backward()
        weights = [v for v in self.trainable_weights]
        gradients = [v.value.grad for v in weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, weights)
        return self._record(loss, y, out)

    def test_step(self, data):
        x, y = data
        out = self(x, training=False)
        return self._record(gaussian_nll(y, out), y, out)


class Diary(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch % 3 == 2:
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            print(f"epoch {epoch + 1}: nll {float(logs['nll']):.4f} val {float(logs['val_nll']):.4f} mae {float(logs['val_mae']):.4f} rate {rate:.5f}")


def build(n_in):
    inputs = keras.Input(shape=(n_in,))
    h = keras.layers.Dense(48, activation="gelu")(inputs)
    h = keras.layers.Dense(48, activation="gelu")(h)
    outputs = keras.layers.Dense(2)(h)
    model = SpreadModel(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(4e-3, global_clipnorm=2.0))
    return model


keras.utils.set_random_seed(SEED)
rng = np.random.default_rng(SEED)
N_TRAIN, N_VAL = 1800, 300
x, y = trips(2600, rng)
x = ((x - x[:N_TRAIN].mean(0)) / x[:N_TRAIN].std(0)).astype("float32")
y = ((y - y[:N_TRAIN].mean()) / y[:N_TRAIN].std()).astype("float32")
val, test = slice(N_TRAIN, N_TRAIN + N_VAL), slice(N_TRAIN + N_VAL, None)

model = build(x.shape[1])
EPOCHS = 15
model.fit(
    x[:N_TRAIN], y[:N_TRAIN], validation_data=(x[val], y[val]), epochs=EPOCHS, batch_size=75, verbose=0,
    callbacks=[
        keras.callbacks.LearningRateScheduler(lambda epoch: 2e-4 + 0.5 * 3.8e-3 * (1 + math.cos(math.pi * epoch / EPOCHS))),
        Diary(),
    ],
)

out = model.predict(x[test], verbose=0)
mean, scale = out[:, :1], np.log1p(np.exp(out[:, 1:])) + 0.02
covered = np.mean(np.abs(y[test] - mean) <= 1.645 * scale)
r2 = 1.0 - np.sum((y[test] - mean) ** 2) / np.sum((y[test] - y[test].mean()) ** 2)
print(f"90 % intervals hold {covered:.3f} of the trips; scales from {scale.min():.3f} to {scale.max():.3f}")
print("RESULT test_r2", round(float(r2), 4))
