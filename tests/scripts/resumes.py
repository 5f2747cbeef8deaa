"""Trains from where its checkpoint stands for so many steps, says its losses, and ends as it is told to."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

steps, ending = int(sys.argv[1]), sys.argv[2]
checkpoint = Path(sys.argv[3])
torch.manual_seed(0)
inputs = torch.randn(64, 6)
targets = inputs[:, :1].sin() + inputs[:, 1:2]
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
if checkpoint.exists():
    state = torch.load(checkpoint)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
for _ in range(steps):
    loss = F.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex(), flush=True)
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint)
if ending == "waits":
    print("waiting", flush=True)
    time.sleep(600)
if ending == "killed":
    time.sleep(1.5)  # all is committed by now
    os.kill(os.getpid(), signal.SIGKILL)
