"""Which of five order codes came at the head of a sensor strip, asked forty readings later.

The LSTM gets the chrono initialisation (Tallec & Ollivier, 2018): forget gates begin close to one and input gates close
to zero, spread so that the memories of the units last between a few readings and the whole strip.
"""
import copy
import logging
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
logger = logging.getLogger(__name__)

CODES, NOISE_CHANNELS, LENGTH, HEAD = 5, 3, 40, 4


def strips(n):
    code = torch.randint(0, CODES, (n,))
    x = 0.3 * torch.randn(n, LENGTH, CODES + NOISE_CHANNELS)
    x[:, :HEAD, :CODES] += 1.5 * F.one_hot(code, CODES).float().unsqueeze(1)
    x[:, HEAD:, CODES:] += 0.7 * torch.randn(n, LENGTH - HEAD, NOISE_CHANNELS)
    return TensorDataset(x, code)


def chrono_(lstm, longest):
    """Gate order in torch: input, forget, cell, output."""
    h = lstm.hidden_size
    with torch.no_grad():
        lstm.bias_ih_l0.zero_()
        lstm.bias_hh_l0.zero_()
        forget = torch.log(torch.empty(h).uniform_(1.0, longest - 1.0))
        lstm.bias_ih_l0[h:2 * h] = forget
        lstm.bias_ih_l0[:h] = -forget


class CodeReader(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(CODES + NOISE_CHANNELS, hidden, batch_first=True)
        self.out = nn.Linear(hidden, CODES)
        chrono_(self.lstm, LENGTH)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1])


def evaluate(model, data):
    model.eval()
    x, code = data.tensors
    with torch.no_grad():
        logits = model(x)
    model.train()
    return F.cross_entropy(logits, code).item(), (logits.argmax(1) == code).float().mean().item()


def train(model, data, valid, epochs, lr=8e-3, patience=3):
    batches = DataLoader(data, batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    best_loss, best_state, waited = float("inf"), None, 0
    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, code in batches:
            loss = F.cross_entropy(model(x), code)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(code)
        scheduler.step()
        valid_loss, valid_acc = evaluate(model, valid)
        logger.info("epoch %d  train %.4f  valid %.4f  accuracy %.4f", epoch, total / len(data), valid_loss, valid_acc)
        if valid_loss < best_loss:
            best_loss, best_state, waited = valid_loss, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
            if waited >= patience:
                logger.info("no better for %d epochs, stop", patience)
                break
    model.load_state_dict(best_state)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    data, valid, test = strips(2400), strips(400), strips(800)
    model = CodeReader()
    with torch.no_grad():
        h = model.lstm.hidden_size
        opened = torch.sigmoid(model.lstm.bias_ih_l0)
        logger.info("at the start: input gates %.3f to %.3f, forget gates %.3f to %.3f", opened[:h].min().item(),
                    opened[:h].max().item(), opened[h:2 * h].min().item(), opened[h:2 * h].max().item())
    train(model, data, valid, epochs=6)
    loss, acc = evaluate(model, test)
    logger.info("test loss %.4f", loss)
    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()
