"""Recurrent layers: a stream whose state is rightly carried, a layer read at its first step, a scripted layer; layers that
run once a step, with and without the state of the step before, and others that run several times."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)


class Reader(nn.Module):
    def __init__(self, kind, step):
        super().__init__()
        self.rnn = kind(4, 8, batch_first=True)
        self.head = nn.Linear(8, 1)
        self.step = step

    def forward(self, x, state=None):
        out, state = self.rnn(x, state)
        return self.head(out[:, self.step] if self.step is not None else out), state


def train(model, batches, carry):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        state = None
        for x, y in batches:
            prediction, state = model(x, state if carry else None)
            state = tuple(s.detach() for s in state)
            loss = nn.functional.mse_loss(prediction, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


stream = torch.randn(16, 100, 4).cumsum(1) / 10  # 16 streams, cut into 10 stretches
train(
    Reader(nn.LSTM, None), [(stream[:, i : i + 10], stream[:, i : i + 10, :1] * 2) for i in range(0, 100, 10)], carry=True
)
sequences = torch.randn(200, 10, 4)
train(Reader(nn.LSTM, 0), [(s, s[:, 0].sum(1, keepdim=True)) for s in sequences.split(20)], carry=False)
train(Reader(nn.LSTM, -1), [(s, s[:, -1].sum(1, keepdim=True)) for s in sequences.split(20)], carry=False)
scripted = torch.jit.script(nn.Sequential(nn.LSTM(4, 8)))
print(scripted(torch.zeros(3, 2, 4))[0].shape)
packed = nn.utils.rnn.pack_sequence([torch.randn(3, 4), torch.randn(2, 4)])
print(nn.GRU(4, 8)(packed)[1].shape, nn.LSTMCell(4, 8)(torch.zeros(2, 4))[0].shape)


def run_by_step(layer, run):
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for x in sequences.split(20):
        loss = torch.stack(list(run(layer, x.unbind(1)))).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def carried(layer, steps, detached=False):
    state = None
    for x in steps:
        state = layer(x, state)
        yield state[0] if isinstance(state, tuple) else state
        if detached:
            state = state.detach()


def anew(layer, steps):
    for x in steps:
        out, state = layer(x.unsqueeze(0))  # begins anew
        yield out


def anew_cell(layer, steps):
    for x in steps:
        yield layer(x)  # begins anew


def segments(layer, steps):
    for part in torch.stack(steps).split(2):
        yield layer(part)[0][-1]


def compared(layer, steps):  # an anchor, one like it, and one unlike it
    for x in steps[:3]:
        yield layer(x.unsqueeze(0))[0][0]


def branches(layer, steps):  # each of several inputs continues the same state
    start = layer(steps[0])
    for x in steps[1:]:
        yield layer(x, start)


run_by_step(nn.LSTMCell(4, 8), carried)
run_by_step(nn.GRUCell(4, 8), carried)
run_by_step(nn.GRUCell(4, 8), lambda layer, steps: carried(layer, steps, detached=True))
run_by_step(nn.LSTM(4, 8), anew)
run_by_step(nn.GRUCell(4, 8), anew_cell)
run_by_step(nn.LSTM(4, 8), segments)
run_by_step(nn.GRU(4, 8), segments)
run_by_step(nn.LSTM(4, 8), compared)
run_by_step(nn.RNNCell(4, 8), branches)
