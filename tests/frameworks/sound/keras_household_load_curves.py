import os

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch
import keras

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
keras.utils.set_random_seed(SEED)
KINDS = ["night storage", "commuters", "home office", "evening"]


def bump(hours, centre, width):
    return np.exp(-0.5 * ((hours - centre[:, None]) / width) ** 2)


def households(n, rng):
    """Half-hourly consumption of a day, for four kinds of household."""
    hours = np.arange(48)[None, :] / 2.0
    kind = rng.integers(0, 4, n)
    late = rng.normal(0, 0.7, n)   # some live later than others
    shapes = np.stack([
        1.6 * bump(hours, 2.5 + late, 1.8) + 0.5 * bump(hours, 19.0 + late, 1.5),
        1.2 * bump(hours, 7.0 + late, 1.0) + 1.4 * bump(hours, 19.0 + late, 1.4),
        1.0 * bump(hours, 10.0 + late, 2.0) + 1.0 * bump(hours, 15.0 + late, 2.0) + 0.6 * bump(hours, 19.0 + late, 1.4),
        0.4 * bump(hours, 8.0 + late, 1.5) + 1.8 * bump(hours, 21.0 + late, 1.6),
    ], axis=1)
    load = 0.3 + shapes[np.arange(n), kind] * rng.uniform(0.6, 1.4, (n, 1)) + 0.25 * rng.normal(size=(n, 48))
    load = (load - load.mean(1, keepdims=True)) / load.std(1, keepdims=True)
    return load.astype("float32")[..., None], kind.astype("int64")


class Block(keras.layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv1D(filters, 5, strides=2, padding="same", use_bias=False)
        self.norm = keras.layers.BatchNormalization(momentum=0.9)
        self.act = keras.layers.Activation("relu")

    def call(self, x, training=False):
        return self.act(self.norm(self.conv(x), training=training))


class CurveNet(keras.Model):
    def __init__(self, n_kinds, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [Block(16), Block(24)]
        self.flat = keras.layers.Flatten()
        self.drop = keras.layers.Dropout(0.2)
        self.out = keras.layers.Dense(n_kinds)

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x, training=training)
        return self.out(self.drop(self.flat(x), training=training))


rng = np.random.default_rng(SEED)
x_train, y_train = households(1250, rng)
x_val, y_val = households(300, rng)
x_test, y_test = households(500, rng)

model = CurveNet(len(KINDS))
model(x_train[:2])  # builds the weights
print("weights:", model.count_params())
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=2e-3, weight_decay=1e-4),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
history = model.fit(
    x_train, y_train,
    batch_size=50,
    epochs=12,
    validation_data=(x_val, y_val),
    validation_batch_size=300,
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True),
        keras.callbacks.TerminateOnNaN(),
    ],
    verbose=0,
).history
for i, (a, b, c) in enumerate(zip(history["loss"], history["val_loss"], history["val_acc"])):
    print(f"{i + 1:2d}: loss {a:.4f}  val loss {b:.4f}  val acc {c:.4f}")

loss, acc = model.evaluate(x_test, y_test, batch_size=250, verbose=0)
guess = model.predict(x_test, batch_size=250, verbose=0).argmax(-1)
for k, name in enumerate(KINDS):
    print(f"  {name:14s} recall {np.mean(guess[y_test == k] == k):.3f}")
print("RESULT test_accuracy", round(float(acc), 4))
