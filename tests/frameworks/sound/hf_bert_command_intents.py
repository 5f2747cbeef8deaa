"""Intents of short voice commands with a two-layer BERT made from a config (nothing is downloaded)."""
import os
import random
import tempfile

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

PAD, CLS, SEP = "[PAD]", "[CLS]", "[SEP]"
INTENTS = {
    "lights": ["lamp", "dim", "bright", "bulb", "glow"],
    "music": ["song", "album", "volume", "artist", "playlist"],
    "heating": ["warm", "degrees", "radiator", "cold", "thermostat"],
    "shopping": ["buy", "milk", "order", "cart", "bread"],
    "calendar": ["meeting", "remind", "tomorrow", "noon", "appointment"],
}
FILLERS = (
    "please can you the a in my room now to of it and would could want i we for this that some again just maybe "
    "kitchen hall upstairs quickly hey ok so then also there here at with on off up down set make let"
).split()
WORDS = [PAD, CLS, SEP] + [w for ws in INTENTS.values() for w in ws] + FILLERS
VOCAB = {w: i for i, w in enumerate(dict.fromkeys(WORDS))}
LABELS = list(INTENTS)
MAX_LEN = 16


def utterance(rng):
    label = rng.randrange(len(LABELS))
    words = rng.choices(INTENTS[LABELS[label]], k=3)
    if rng.random() < 0.4:  # a word that belongs elsewhere
        words.append(rng.choice(INTENTS[rng.choice(LABELS)]))
    words += rng.choices(FILLERS, k=rng.randint(4, 9))
    rng.shuffle(words)
    return words, label


def encode(words):
    ids = [VOCAB[CLS]] + [VOCAB[w] for w in words] + [VOCAB[SEP]]
    mask = [1] * len(ids)
    gap = MAX_LEN - len(ids)
    return ids + [VOCAB[PAD]] * gap, mask + [0] * gap


class Commands(Dataset):
    def __init__(self, n, seed):
        rng = random.Random(seed)
        self.rows = []
        for _ in range(n):
            words, label = utterance(rng)
            ids, mask = encode(words)
            self.rows.append({"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "labels": torch.tensor(label)})

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def compute_metrics(prediction):
    guess = np.argmax(prediction.predictions, axis=-1)
    return {"accuracy": float((guess == prediction.label_ids).mean())}


def build_model():
    config = BertConfig(
        vocab_size=len(VOCAB), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=MAX_LEN, type_vocab_size=1, hidden_dropout_prob=0.05, attention_probs_dropout_prob=0.05,
        initializer_range=0.08, pad_token_id=VOCAB[PAD], num_labels=len(LABELS),
    )
    return BertForSequenceClassification(config)


def main():
    set_seed(SEED)
    train, dev, test = Commands(1600, 3 * SEED + 1), Commands(300, 3 * SEED + 2), Commands(500, 3 * SEED + 3)
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=100,
            num_train_epochs=6,
            learning_rate=1.5e-3,
            lr_scheduler_type="linear",
            warmup_steps=25,
            weight_decay=0.01,
            eval_strategy="epoch",
            logging_strategy="epoch",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=SEED,
        )
        trainer = Trainer(
            model=build_model(), args=args, train_dataset=train, eval_dataset=dev, compute_metrics=compute_metrics,
        )
        trainer.train()
        metrics = trainer.evaluate(test, metric_key_prefix="test")
    print("test loss", round(metrics["test_loss"], 4))
    print("RESULT test_accuracy", round(metrics["test_accuracy"], 4))


if __name__ == "__main__":
    main()
