"""Monthly rents from numbers and the district: a functional Keras model with two inputs, on the torch backend."""
import os

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)

import keras  # noqa: E402
from keras import layers  # noqa: E402

SEED = int(os.environ.get("SEED", "0"))
DISTRICTS = 12
NUMERIC = ["area", "rooms", "floor", "age", "km_to_centre"]


def listings(n, seed):
    rng = np.random.default_rng(seed)
    area = rng.uniform(25, 140, n)
    frame = pd.DataFrame({
        "area": area,
        "rooms": np.clip(np.round(area / 28 + rng.normal(0, 0.6, n)), 1, 6),
        "floor": rng.integers(0, 9, n),
        "age": rng.gamma(2.0, 18.0, n),
        "km_to_centre": rng.uniform(0.2, 12.0, n),
        "district": rng.integers(0, DISTRICTS, n),
    })
    level = rng.normal(0, 0.25, DISTRICTS)
    log_rent = (
        2.9 + 0.85 * np.log(area) + level[frame["district"]] - 0.004 * frame["age"] - 0.035 * frame["km_to_centre"]
        + 0.015 * frame["floor"] + 0.05 * np.sin(frame["rooms"]) + rng.normal(0, 0.05, n)
    )
    frame["rent"] = np.exp(log_rent)
    return frame


def split(frame, a, b, centre, spread):
    part = frame.iloc[a:b]
    x = [part[NUMERIC].to_numpy(dtype="float32"), part[["district"]].to_numpy(dtype="int32")]
    y = ((np.log(part["rent"].to_numpy()) - centre) / spread).astype("float32").reshape(-1, 1)
    return x, y


def build(x_numeric):
    normalise = layers.Normalization()
    normalise.adapt(x_numeric)

    numbers = keras.Input(shape=(len(NUMERIC),), name="numbers")
    district = keras.Input(shape=(1,), dtype="int32", name="district")
    a = layers.Dense(32, activation="relu")(normalise(numbers))
    b = layers.Flatten()(layers.Embedding(DISTRICTS, 4)(district))
    h = layers.Concatenate()([a, b])
    h = layers.Dense(32, activation="relu")(h)
    rent = layers.Dense(1, name="rent")(h)
    model = keras.Model(inputs=[numbers, district], outputs=rent)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=5e-3), loss="mse", metrics=["mae"])
    return model


def main():
    keras.utils.set_random_seed(SEED)
    frame = listings(2300, SEED)
    known = np.log(frame["rent"].iloc[:1600])
    centre, spread = float(known.mean()), float(known.std())
    x_train, y_train = split(frame, 0, 1600, centre, spread)
    x_val, y_val = split(frame, 1600, 1900, centre, spread)
    x_test, y_test = split(frame, 1900, 2300, centre, spread)

    model = build(x_train[0])
    history = model.fit(
        x_train, y_train, validation_data=(x_val, y_val), epochs=12, batch_size=64, verbose=0,
        callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.4, patience=2, min_lr=3e-4)],
    )
    for epoch in (0, 3, 7, 11):
        print(f"epoch {epoch + 1:2d} loss {history.history['loss'][epoch]:.4f} val_loss {history.history['val_loss'][epoch]:.4f}")

    guess = model.predict(x_test, verbose=0)
    r2 = 1.0 - ((guess - y_test) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum()
    off = np.abs(np.exp(guess * spread + centre) - np.exp(y_test * spread + centre))
    print("median error of a rent:", round(float(np.median(off)), 1))
    print("RESULT test_r2", round(float(r2), 4))


if __name__ == "__main__":
    main()
