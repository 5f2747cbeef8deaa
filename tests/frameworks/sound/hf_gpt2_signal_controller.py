# Next-token model of the log of a traffic-light controller: phase, duration, detector, end of record.
import math
import os
import shutil
import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

torch.set_num_threads(1)


@dataclass(frozen=True)
class Codes:
    start: int = 0
    phase: int = 1      # 1..6
    duration: int = 7   # 7..10
    detector: int = 11  # 11..14
    end: int = 15
    size: int = 16
    records: int = 8


C = Codes()
SEED = int(os.environ.get("SEED", "0"))


class Controller:
    """A made-up junction: phases mostly follow in turn, durations depend on the phase, detectors on the duration."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.usual_duration = rng.integers(0, 4, 6)
        self.usual_detector = rng.permutation(4)

    def day(self, rng):
        phase, out = int(rng.integers(6)), []
        for _ in range(C.records):
            duration = self.usual_duration[phase] if rng.random() < 0.75 else rng.integers(4)
            detector = self.usual_detector[duration] if rng.random() < 0.75 else rng.integers(4)
            out += [C.phase + phase, C.duration + int(duration), C.detector + int(detector), C.end]
            phase = (phase + 1) % 6 if rng.random() < 0.85 else (phase + 3) % 6
        return out


class Log(Dataset):
    def __init__(self, controller, n, seed):
        rng = np.random.default_rng(seed)
        self.ids = torch.tensor([controller.day(rng) for _ in range(n)])

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"input_ids": self.ids[i], "labels": self.ids[i]}


class KeepLosses(TrainerCallback):
    def __init__(self):
        self.losses = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


def unigram_perplexity(train, test):
    share = torch.bincount(train.ids[:, 1:].flatten(), minlength=C.size).float() + 1e-3
    share = share / share.sum()
    return math.exp(-share[test.ids[:, 1:]].log().mean().item())


@torch.no_grad()
def phase_accuracy(model, data):
    """How often the most likely phase is the one that came."""
    model.eval()
    guess = model(input_ids=data.ids).logits.argmax(-1)
    at = torch.arange(3, 4 * C.records - 1, 4)  # the end tokens, after which a phase follows
    return (guess[:, at] == data.ids[:, at + 1]).float().mean().item()


set_seed(SEED)
junction = Controller(SEED + 7)
train, valid, test = Log(junction, 1600, SEED + 11), Log(junction, 200, SEED + 12), Log(junction, 300, SEED + 13)

model = GPT2LMHeadModel(GPT2Config(
    vocab_size=C.size, n_positions=4 * C.records, n_embd=48, n_layer=2, n_head=2, resid_pdrop=0.0, embd_pdrop=0.0,
    attn_pdrop=0.0, bos_token_id=C.start, eos_token_id=C.end, use_cache=False,
))
print("parameters:", sum(p.numel() for p in model.parameters()))

workdir = tempfile.mkdtemp(prefix="junction-")
losses = KeepLosses()
try:
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=workdir, max_steps=400, per_device_train_batch_size=32, per_device_eval_batch_size=100,
            learning_rate=3e-3, lr_scheduler_type="cosine", warmup_steps=30, weight_decay=0.01, optim="adamw_torch",
            max_grad_norm=1.0, logging_steps=40, eval_strategy="steps", eval_steps=100, save_strategy="no",
            prediction_loss_only=True, report_to="none", disable_tqdm=True, use_cpu=True, seed=SEED,
        ),
        train_dataset=train,
        eval_dataset=valid,
        callbacks=[losses],
    )
    trainer.train()
    perplexity = math.exp(trainer.evaluate(test)["eval_loss"])
finally:
    shutil.rmtree(workdir, ignore_errors=True)

print("logged losses:", " ".join(f"{v:.3f}" for v in losses.losses))
print("next phase right:", round(phase_accuracy(model, test), 4))
print("unigram perplexity:", round(unigram_perplexity(train, test), 3))
print("RESULT test_perplexity", round(perplexity, 4))
