"""The digits, learned by updates that are written out."""

import torch
from digits import Net, digits, fault_asked_for, tell
from torch.nn import functional as F
from torch.utils.data import DataLoader

fault = fault_asked_for()
torch.manual_seed(0)
model = Net(fault)
learned = list((model.head if fault == "params-not-in-optimizer" else model).parameters())
rate = 30.0 if fault == "lr-too-high" else 0.2  # here: lr-too-high
if fault == "eval-mode-in-training":
    model.eval()  # here: eval-mode-in-training
for _ in range(8):
    for pictures, labels in DataLoader(digits(), batch_size=64, shuffle=True):
        loss = F.cross_entropy(model(pictures), labels)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in learned:
                if parameter.grad is not None:
                    parameter -= rate * parameter.grad  # here: params-not-in-optimizer
tell(model.parameters())
