"""Trainings whose graph, mode or machinery changes on the way, one a function."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)


class Reader(nn.Module):
    """Reads a sequence step by step."""

    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.Linear(3 + 8, 8), nn.Linear(8, 2)

    def forward(self, sequences):
        state = torch.zeros(len(sequences), 8)
        for step in sequences.unbind(1):
            state = torch.tanh(self.cell(torch.cat([step, state], dim=1)))
        return self.last(state)


def lengths():
    model = Reader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(30):
        loss = F.cross_entropy(model(torch.randn(16, 5 + step % 7, 3)), torch.randint(2, (16,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def branches():
    first, left, right, last = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1)
    model = nn.ModuleList([first, left, right, last])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(10):
        inputs = torch.randn(16, 4)
        branch = left if step % 2 == 0 else right
        loss = F.mse_loss(last(torch.relu(branch(torch.relu(first(inputs))))), inputs[:, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def eval_by_mistake():
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(10):
        if step == 5:
            model.eval()
        inputs = torch.randn(16, 4)
        loss = F.mse_loss(model(inputs), inputs[:, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    F.mse_loss(model.train()(inputs), inputs[:, :1]).backward()
    F.mse_loss(model.eval()(inputs), inputs[:, :1])  # this one evaluates, with gradients or not


def once():
    model = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 1))
    inputs = torch.randn(16, 4)
    F.mse_loss(model(inputs), inputs[:, :1]).backward()


def captured():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.randn(16, 4)
    asked = torch.cuda._initialized, torch.cuda.is_current_stream_capturing
    for step in range(6):
        if step == 3:  # what PyTorch says while a CUDA graph is captured; there need not be a GPU here
            torch.cuda._initialized, torch.cuda.is_current_stream_capturing = True, lambda: True
        loss = F.mse_loss(model(inputs), inputs[:, :1])
        loss.backward()
        torch.cuda._initialized, torch.cuda.is_current_stream_capturing = asked
        optimizer.step()


def mixed_precision():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1000)
    inputs = torch.randn(16, 4)
    for step in range(6):
        with torch.autocast("cpu", torch.bfloat16, enabled=step < 4):
            loss = F.mse_loss(model(inputs).float(), inputs[:, :1])
        optimizer.zero_grad()
        scaler.scale(loss * (float("inf") if step == 2 else 1)).backward()
        scaler.step(optimizer)
        scaler.update()


def scheduled():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    warm, cold = torch.optim.lr_scheduler.LinearLR(optimizer), torch.optim.lr_scheduler.StepLR(optimizer, 3)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cold], milestones=[4])
    inputs = torch.randn(16, 4)
    for _ in range(4):
        loss = F.mse_loss(model(inputs), inputs[:, :1])
        optimizer.zero_grad()
        loss.backward()
        scheduler.step()  # too early
        optimizer.step()
        scheduler.step()


def numbers_of_numpy():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=np.float64(0.01), momentum=np.float32(0.9))
    inputs = torch.randn(16, 4)
    for step in range(4):
        loss = F.mse_loss(model(inputs), inputs[:, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = np.cos(step)


def taking_turns():
    models = [nn.Linear(4, 1) for _ in range(2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.01) for model in models]
    inputs = torch.randn(16, 4)
    for step in range(400):
        turn = step // 7 % 2
        loss = F.mse_loss(models[turn](inputs), inputs[:, :1] + 100 * turn)
        optimizers[turn].zero_grad()
        loss.backward()
        optimizers[turn].step()


TRAININGS = (lengths, branches, eval_by_mistake, once, captured, mixed_precision, scheduled, numbers_of_numpy)
for each in (*TRAININGS, taking_turns):
    each()
