import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

data, target = load_digits(return_X_y=True)
data = torch.tensor(data, dtype=torch.float32) / 16
target = torch.tensor(target)
x_train, x_test, y_train, y_test = train_test_split(data, target, test_size=0.25, random_state=SEED, stratify=target)
one_hot = F.one_hot(y_train, 10).float()


def weight_variable(rows, cols):
    return torch.zeros(rows, cols).requires_grad_()


def bias_variable(n):
    return torch.zeros(n).requires_grad_()


W = weight_variable(64, 100)
b = bias_variable(100)
W2 = weight_variable(100, 10)
b2 = bias_variable(10)


def model(x):
    h0 = torch.relu(x @ W + b)
    return h0 @ W2 + b2


train_step = torch.optim.SGD([W, b, W2, b2], lr=0.5)

for step in range(1000):
    batch = torch.randint(len(x_train), (100,))
    log_y = torch.log_softmax(model(x_train[batch]), dim=1)
    cross_entropy = -(one_hot[batch] * log_y).sum(1).mean()
    train_step.zero_grad()
    cross_entropy.backward()
    train_step.step()
    if (step + 1) % 100 == 0:
        with torch.no_grad():
            accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
        print(f"step {step + 1:4d}  cross entropy {cross_entropy.item():.4f}  accuracy {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")
