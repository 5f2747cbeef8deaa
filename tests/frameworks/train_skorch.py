"""The digits, learned by skorch."""

import torch
from digits import Net, digits, fault_asked_for, tell
from skorch import NeuralNetClassifier


class InEvalMode(NeuralNetClassifier):
    def train_step_single(self, batch, **fit_params):
        pictures, labels = batch
        self.module_.eval()  # here: eval-mode-in-training
        loss = self.get_loss(self.infer(pictures, **fit_params), labels, X=pictures, training=True)
        loss.backward()
        return {"loss": loss, "y_pred": None}


class HeadOnly(NeuralNetClassifier):
    def initialize_optimizer(self, *args, **kwargs):
        self.optimizer_ = torch.optim.SGD(self.module_.head.parameters(), lr=self.lr)  # here: params-not-in-optimizer
        return self


if __name__ == "__main__":
    fault = fault_asked_for()
    torch.manual_seed(0)
    kinds = {"params-not-in-optimizer": HeadOnly, "eval-mode-in-training": InEvalMode}
    classifier = kinds.get(fault, NeuralNetClassifier)(
        Net(fault),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        optimizer__momentum=0.9,
        lr=30.0 if fault == "lr-too-high" else 0.05,  # here: lr-too-high
        batch_size=64,
        max_epochs=8,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    pictures, labels = digits().tensors
    classifier.fit(pictures.numpy(), labels.numpy())
    tell(classifier.module_.parameters())
