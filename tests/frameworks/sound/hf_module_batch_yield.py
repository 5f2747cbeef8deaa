"""Yield of a batch reactor from its temperature, feed and pressure curves: an own nn.Module under the Hugging Face Trainer."""
import os
import tempfile

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
STEPS, CHANNELS = 24, 3


def smooth_curves(rng, n):
    """n x CHANNELS curves of STEPS points, each a few slow cosines."""
    t = np.linspace(0.0, 1.0, STEPS)
    k = np.arange(4)
    amplitude = rng.normal(size=(n, CHANNELS, len(k))) / (1.0 + 0.4 * k)
    phase = rng.uniform(0, 2 * np.pi, size=(n, CHANNELS, len(k)))
    waves = np.cos(2 * np.pi * k[:, None] * t[None, :] * 0.75 + phase[..., None])
    return (amplitude[..., None] * waves).sum(2)


def simulate(rng, n):
    curves = smooth_curves(rng, n)
    temperature, feed, pressure = curves[:, 0], curves[:, 1], curves[:, 2]
    product = (np.tanh(temperature) * feed).mean(1) + 0.4 * (pressure ** 2).mean(1) + 0.3 * temperature.mean(1)
    return curves.astype(np.float32), (product + 0.04 * rng.normal(size=n)).astype(np.float32)


class Batches(Dataset):
    def __init__(self, curves, yields):
        self.curves = torch.from_numpy(curves)
        self.yields = torch.from_numpy(yields)

    def __len__(self):
        return len(self.yields)

    def __getitem__(self, i):
        return dict(curves=self.curves[i], labels=self.yields[i])


class YieldNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inp = nn.Conv1d(CHANNELS, width, 3, padding=1)
        self.mid = nn.Conv1d(width, width, 3, padding=1)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, curves, labels=None):
        h = nn.functional.gelu(self.inp(curves))
        h = h + nn.functional.gelu(self.mid(h))
        pooled = torch.cat([h.mean(-1), h.amax(-1)], dim=-1)
        prediction = self.out(pooled).squeeze(-1)
        if labels is None:
            return {"logits": prediction}
        return {"loss": nn.functional.huber_loss(prediction, labels, delta=1.0), "logits": prediction}


def r2(eval_prediction):
    guess, truth = eval_prediction.predictions, eval_prediction.label_ids
    return {"r2": float(1.0 - ((guess - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())}


def main():
    set_seed(SEED)
    rng = np.random.default_rng(SEED)
    curves, yields = simulate(rng, 2100)
    n_train, n_dev = 1500, 250
    cm, cs = curves[:n_train].mean((0, 2), keepdims=True), curves[:n_train].std((0, 2), keepdims=True)
    curves = (curves - cm) / cs
    yields = (yields - yields[:n_train].mean()) / yields[:n_train].std()
    train = Batches(curves[:n_train], yields[:n_train])
    dev = Batches(curves[n_train:n_train + n_dev], yields[n_train:n_train + n_dev])
    test = Batches(curves[n_train + n_dev:], yields[n_train + n_dev:])

    model = YieldNet()
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=16,
                per_device_train_batch_size=50,
                per_device_eval_batch_size=250,
                lr_scheduler_type="cosine",
                learning_rate=3e-3,
                eval_strategy="epoch",
                save_strategy="epoch",
                save_total_limit=1,
                logging_strategy="epoch",
                load_best_model_at_end=True,
                metric_for_best_model="r2",
                greater_is_better=True,
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                seed=SEED,
            ),
            train_dataset=train,
            eval_dataset=dev,
            compute_metrics=r2,
            optimizers=(optimizer, None),
            callbacks=[EarlyStoppingCallback(early_stopping_patience=5)],
        )
        trainer.train()
        print("best on the development set:", round(trainer.state.best_metric, 4))
        answer = trainer.predict(test)
    print("RESULT test_r2", round(answer.metrics["test_r2"], 4))


if __name__ == "__main__":
    main()
