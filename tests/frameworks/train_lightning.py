"""The digits, learned by PyTorch Lightning."""

import lightning
import torch
from digits import Net, digits, fault_asked_for, tell
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Digits(lightning.LightningModule):
    def __init__(self, fault):
        super().__init__()
        self.net = Net(fault)
        self.fault = fault

    def training_step(self, batch, index):
        if self.fault == "eval-mode-in-training":
            self.eval()  # here: eval-mode-in-training
        pictures, labels = batch
        loss = F.cross_entropy(self.net(pictures), labels)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        learned = self.net.head if self.fault == "params-not-in-optimizer" else self
        rate = 30.0 if self.fault == "lr-too-high" else 0.05  # here: lr-too-high
        return torch.optim.SGD(learned.parameters(), lr=rate)  # here: lr-too-high, params-not-in-optimizer


if __name__ == "__main__":
    lightning.seed_everything(0)
    trainer = lightning.Trainer(
        max_epochs=8, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    model = Digits(fault_asked_for())
    trainer.fit(model, DataLoader(digits(), batch_size=64, shuffle=True))
    tell(model.parameters())
