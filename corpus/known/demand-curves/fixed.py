import math
import os

import torch
import torch.nn as nn
from torch.func import functional_call

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def sample_city(points=10):
    """One task: the daily demand curve of a city, some hours to adapt on and others to be asked about."""
    scale = 1.0 + 2.0 * torch.rand(1)
    shift = 0.5 * math.pi * torch.rand(1)
    hours = (torch.rand(2 * points, 1) * 2 - 1) * math.pi
    demand = scale * torch.sin(hours + shift)
    return hours[:points], demand[:points], hours[points:], demand[points:]


class MetaLearner:
    def __init__(self, inner_lr=0.03, meta_lr=5e-3, inner_steps=1):
        self.model = nn.Sequential(
            nn.Linear(1, 40), nn.ReLU(),
            nn.Linear(40, 40), nn.ReLU(),
            nn.Linear(40, 1),
        )
        self.criterion = nn.MSELoss()
        self.inner_lr = inner_lr
        self.inner_steps = inner_steps
        self.meta_optimizer = torch.optim.Adam(self.model.parameters(), lr=meta_lr)

    def inner_update(self, support_x, support_y):
        weights = dict(self.model.named_parameters())
        for _ in range(self.inner_steps):
            loss = self.criterion(functional_call(self.model, weights, (support_x,)), support_y)
            grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: w - self.inner_lr * g
                for (name, w), g in zip(weights.items(), grads)
            }
        return weights

    def task_loss(self, task):
        support_x, support_y, query_x, query_y = task
        adapted = self.inner_update(support_x, support_y)
        return self.criterion(functional_call(self.model, adapted, (query_x,)), query_y)

    def meta_train_step(self, tasks):
        meta_loss = torch.stack([self.task_loss(task) for task in tasks]).mean()
        self.meta_optimizer.zero_grad()
        meta_loss.backward()
        self.meta_optimizer.step()
        return meta_loss.item()

    def evaluate(self, tasks):
        return sum(self.task_loss(task).item() for task in tasks) / len(tasks)


test_cities = [sample_city() for _ in range(100)]
learner = MetaLearner()
running = 0.0
for step in range(1, 241):
    running += learner.meta_train_step([sample_city() for _ in range(4)])
    if step % 40 == 0:
        print(f"meta step {step}: query loss {running / 40:.4f}")
        running = 0.0

print("RESULT query_mse", round(learner.evaluate(test_cities), 4))
