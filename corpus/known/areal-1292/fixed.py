"""Train engine with a separate storage type for parameters; arithmetic runs in float32."""
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


@dataclass
class TrainEngineConfig:
    dtype: str = "float32"
    lr: float = 3e-5
    weight_decay: float = 0.01
    steps: int = 1800
    batch_size: int = 64


class Linear(nn.Linear):
    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype), self.bias.to(x.dtype))


def build_model():
    return nn.Sequential(Linear(64, 512), nn.GELU(), Linear(512, 10))


class Engine:
    def __init__(self, config):
        self.config = config
        self.model = build_model().to(getattr(torch, config.dtype))
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.lr, betas=(0.9, 0.95), weight_decay=config.weight_decay
        )

    def train_batch(self, x, y):
        loss = F.cross_entropy(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self, x, y):
        out = self.model(x)
        return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED)

config = TrainEngineConfig()
engine = Engine(config)
running = 0.0
for step in range(1, config.steps + 1):
    ids = torch.randint(0, len(x_train), (config.batch_size,))
    running += engine.train_batch(x_train[ids], y_train[ids])
    if step % 200 == 0:
        val_loss, val_acc = engine.evaluate(x_test, y_test)
        print(f"step {step}: train {running / 200:.4f}  val {val_loss:.4f}  acc {val_acc:.4f}")
        running = 0.0

print("RESULT val_loss", round(val_loss, 4))
