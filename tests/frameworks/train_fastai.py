"""The digits, learned by fastai."""

from digits import Net, digits, fault_asked_for, tell
from fastai.basics import SGD, Callback, DataLoader, DataLoaders, Learner, params, set_seed
from torch import nn


class InEvalMode(Callback):
    def before_batch(self):
        self.learn.model.eval()  # here: eval-mode-in-training


def head_only(model):
    return [list(model.head.parameters())]  # here: params-not-in-optimizer


fault = fault_asked_for()
set_seed(0)
examples = digits()
loaders = DataLoaders(DataLoader(examples, bs=64, shuffle=True), DataLoader(examples, bs=64))
learner = Learner(
    loaders,
    Net(fault),
    loss_func=nn.CrossEntropyLoss(),
    opt_func=SGD,  # here: params-not-in-optimizer
    lr=30.0 if fault == "lr-too-high" else 0.05,  # here: lr-too-high
    splitter=head_only if fault == "params-not-in-optimizer" else params,  # here: params-not-in-optimizer
    cbs=[InEvalMode()] if fault == "eval-mode-in-training" else [],
)
learner.fit(8)  # here: params-not-in-optimizer
tell(learner.model.parameters())
