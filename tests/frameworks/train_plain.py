"""The digits, learned in a plain loop."""

import torch
from digits import Net, digits, fault_asked_for, tell
from torch.nn import functional as F
from torch.utils.data import DataLoader

fault = fault_asked_for()
torch.manual_seed(0)
model = Net(fault)
learned = model.head if fault == "params-not-in-optimizer" else model
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
optimizer = torch.optim.SGD(learned.parameters(), lr=rate, momentum=0.9)  # here: lr-too-high, params-not-in-optimizer
loader = DataLoader(digits(), batch_size=64, shuffle=True)
for _ in range(8):
    model.train()
    if fault == "eval-mode-in-training":
        model.eval()  # here: eval-mode-in-training
    for pictures, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(pictures), labels)
        loss.backward()
        optimizer.step()
tell(model.parameters())
