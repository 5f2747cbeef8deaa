"""One model for several camera mounts; every step goes through one micro-batch of each source."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

MICRO_BATCH, TOTAL_STEPS = 32, 300

digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
images = (images - images.mean()) / images.std()
labels = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.25, random_state=SEED)


class Source:
    """Digits as seen by a camera mounted at a multiple of 90 degrees."""

    def __init__(self, quarter_turns):
        self.name = f"cam{90 * quarter_turns}"
        self.train = torch.rot90(x_train, quarter_turns, (2, 3))
        self.test = torch.rot90(x_test, quarter_turns, (2, 3))

    def next_batch(self):
        ids = torch.randint(0, len(self.train), (MICRO_BATCH,))
        return self.train[ids], y_train[ids]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 3, padding=1)
        self.conv2 = nn.Conv2d(24, 48, 3, padding=1)
        self.fc1 = nn.Linear(48 * 4, 96)
        self.fc2 = nn.Linear(96, 10)

    def forward(self, x):
        x = F.max_pool2d(F.gelu(self.conv1(x)), 2)
        x = F.max_pool2d(F.gelu(self.conv2(x)), 2)
        return self.fc2(F.gelu(self.fc1(x.flatten(1))))


sources = [Source(k) for k in range(4)]
grad_accum_steps = len(sources)
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)


@torch.no_grad()
def evaluate():
    model.eval()
    return {s.name: (model(s.test).argmax(1) == y_test).float().mean().item() for s in sources}


for step in range(1, TOTAL_STEPS + 1):
    model.train()
    step_loss = 0.0
    optimizer.zero_grad(set_to_none=True)
    for source in sources:
        x, y = source.next_batch()
        loss = F.cross_entropy(model(x), y) / grad_accum_steps
        loss.backward()
        step_loss += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        scores = evaluate()
        mean_acc = sum(scores.values()) / len(scores)
        print(f"step {step}: loss {step_loss:.4f}  mean acc {mean_acc:.4f}")

print("RESULT mean_accuracy", round(mean_acc, 4))
