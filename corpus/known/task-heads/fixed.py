import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
generator = torch.Generator().manual_seed(SEED)
torch.manual_seed(SEED)

FEATURES = 40
TASKS = [
    {"name": "intent", "kind": "classification", "outputs": 12},
    {"name": "mood", "kind": "regression", "outputs": 1},
]


def intent_data(n, centres):
    y = torch.randint(0, len(centres), (n,), generator=generator)
    return 0.8 * centres[y] + torch.randn(n, FEATURES, generator=generator), y


def mood_data(n, direction):
    x = 1.2 * torch.randn(n, FEATURES, generator=generator)
    y = torch.tanh(x @ direction) + 0.1 * torch.randn(n, generator=generator)
    return x, y


class SANNetwork(nn.Module):
    """A shared encoder of utterance vectors, and dropout and a scoring layer for each task."""

    def __init__(self, tasks, hidden=64, pooled=16, dropout_p=0.5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.pooler = nn.Sequential(nn.Linear(hidden, pooled), nn.Tanh())
        self.dropout_list = nn.ModuleList()
        self.scoring_list = nn.ModuleList()
        for task in tasks:
            self.dropout_list.append(nn.Dropout(dropout_p))
            self.scoring_list.append(nn.Linear(pooled, task["outputs"]))

    def forward(self, x, task_id):
        pooled = self.pooler(self.encoder(x))
        pooled = self.dropout_list[task_id](pooled)
        return self.scoring_list[task_id](pooled)


class MTDNNModel:
    def __init__(self, tasks, lr=2e-3):
        self.tasks = tasks
        self.network = SANNetwork(tasks)
        self.optimizer = torch.optim.Adamax(self.network.parameters(), lr=lr)
        self.updates = 0

    def loss(self, task_id, scores, y):
        if self.tasks[task_id]["kind"] == "classification":
            return F.cross_entropy(scores, y)
        return F.mse_loss(scores.squeeze(-1), y)

    def update(self, task_id, x, y):
        self.network.train()
        loss = self.loss(task_id, self.network(x, task_id), y)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.updates += 1
        return loss.item()

    def predict(self, task_id, x):
        self.network.eval()
        with torch.no_grad():
            scores = self.network(x, task_id)
        return scores.argmax(1) if self.tasks[task_id]["kind"] == "classification" else scores.squeeze(-1)


def epoch_batches(datasets, size=32):
    batches = [(task_id, rows) for task_id, (x, _) in enumerate(datasets) for rows in torch.randperm(len(x)).split(size)]
    return [batches[i] for i in torch.randperm(len(batches)).tolist()]


centres = torch.randn(12, FEATURES, generator=generator)
direction = torch.randn(FEATURES, generator=generator) / FEATURES ** 0.5
train = [intent_data(1400, centres), mood_data(1000, direction)]
dev = [intent_data(600, centres), mood_data(400, direction)]

model = MTDNNModel(TASKS)
for epoch in range(1, 16):
    sums, counts = [0.0, 0.0], [0, 0]
    for task_id, rows in epoch_batches(train):
        x, y = train[task_id]
        sums[task_id] += model.update(task_id, x[rows], y[rows])
        counts[task_id] += 1
    if epoch % 3 == 0:
        accuracy = (model.predict(0, dev[0][0]) == dev[0][1]).float().mean().item()
        error = F.mse_loss(model.predict(1, dev[1][0]), dev[1][1]).item()
        print(f"epoch {epoch:2d} updates {model.updates} loss intent {sums[0] / counts[0]:.3f} mood {sums[1] / counts[1]:.3f}"
              f" | dev intent accuracy {accuracy:.4f} mood mse {error:.4f}")

print("RESULT dev_intent_accuracy", round(accuracy, 4))
