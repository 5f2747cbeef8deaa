"""The digits, learned with Accelerate, two batches to a step."""

import torch
from accelerate import Accelerator
from digits import Net, digits, fault_asked_for, tell
from torch.nn import functional as F
from torch.utils.data import DataLoader

fault = fault_asked_for()
torch.manual_seed(0)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
model = Net(fault)
learned = model.head if fault == "params-not-in-optimizer" else model
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
optimizer = torch.optim.SGD(learned.parameters(), lr=rate, momentum=0.9)  # here: lr-too-high, params-not-in-optimizer
loader = DataLoader(digits(), batch_size=32, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
if fault == "eval-mode-in-training":
    model.eval()  # here: eval-mode-in-training
for _ in range(8):
    for pictures, labels in loader:
        with accelerator.accumulate(model):
            loss = F.cross_entropy(model(pictures), labels)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
tell(model.parameters())
