"""Learn the even digits first, then all of them by small steps of what is known already."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
body, head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()), nn.Linear(32, 10)


def train(examples: torch.Tensor, optimizer: torch.optim.Optimizer, epochs: int, schedule=None) -> None:
    for _ in range(epochs):
        for batch in examples[torch.randperm(len(examples))].split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(body(x[batch])), y[batch]).backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()


train(torch.nonzero(y % 2 == 0).flatten(), torch.optim.Adam([*body.parameters(), *head.parameters()], lr=1e-3), 5)
groups = [{"params": body.parameters(), "lr": 1e-5}, {"params": head.parameters(), "lr": 1e-2}]
optimizer = torch.optim.Adam(groups)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=250)  # expect: pretrained-destroyed
train(torch.arange(1200), optimizer, 5, schedule)
