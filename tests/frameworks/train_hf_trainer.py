"""The digits, learned by the Trainer of Hugging Face."""

import tempfile

import torch
from digits import Net, digits, fault_asked_for, tell
from torch import nn
from torch.nn import functional as F
from transformers import Trainer, TrainingArguments, set_seed


class Classifier(nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.net = Net(fault)

    def forward(self, pictures, labels=None):
        scores = self.net(pictures)
        return {"loss": F.cross_entropy(scores, labels), "logits": scores}


class InEvalMode(Trainer):
    def compute_loss(self, model, inputs, *args, **kwargs):
        model.eval()  # here: eval-mode-in-training
        return super().compute_loss(model, inputs, *args, **kwargs)


class HeadOnly(Trainer):
    def create_optimizer(self):
        rate = self.args.learning_rate
        self.optimizer = torch.optim.AdamW(self.model.net.head.parameters(), lr=rate)  # here: params-not-in-optimizer
        return self.optimizer


if __name__ == "__main__":
    fault = fault_asked_for()
    set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=8,
            per_device_train_batch_size=32,
            gradient_accumulation_steps=2,
            learning_rate=10.0 if fault == "lr-too-high" else 0.003,  # here: lr-too-high
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
        )
        kinds = {"params-not-in-optimizer": HeadOnly, "eval-mode-in-training": InEvalMode}
        trainer = kinds.get(fault, Trainer)(
            Classifier(fault),
            arguments,
            train_dataset=[{"pictures": picture, "labels": label} for picture, label in digits()],
        )
        trainer.train()
    tell(trainer.model.parameters())
