import os
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def load_dataset():
    digits = load_digits()
    return train_test_split(digits.images, digits.target, test_size=0.2, random_state=SEED)


def flatten(X):
    """(m, height, width) images -> (n_x, m) matrix, one column per example."""
    return X.reshape(X.shape[0], -1).T


def initialize_parameters(n_x, n_h, n_y):
    W1 = torch.randn(n_h, n_x) / np.sqrt(n_x)
    b1 = torch.zeros(n_h, 1)
    W2 = torch.randn(n_y, n_h) / np.sqrt(n_h)
    b2 = torch.zeros(n_y, 1)
    return [p.requires_grad_() for p in (W1, b1, W2, b2)]


def forward_propagation(X, parameters):
    W1, b1, W2, b2 = parameters
    A1 = torch.tanh(W1 @ X + b1)
    return W2 @ A1 + b2


def compute_cost(Z2, Y):
    m = Y.shape[1]
    return -(Y * torch.log_softmax(Z2, dim=0)).sum() / m


def accuracy(X, labels, parameters):
    with torch.no_grad():
        return (forward_propagation(X, parameters).argmax(dim=0) == labels).float().mean().item()


train_x_orig, test_x_orig, train_y, test_y = load_dataset()
m_train, m_test = len(train_x_orig), len(test_x_orig)
print("Number of training examples:", m_train, "- of testing examples:", m_test)

train_x = torch.tensor(flatten(train_x_orig) / 16.0, dtype=torch.float32)
test_x = torch.tensor(flatten(test_x_orig) / 16.0, dtype=torch.float32)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
Y = torch.nn.functional.one_hot(train_y, 10).float().T
print("train_x's shape:", tuple(train_x.shape), "- test_x's shape:", tuple(test_x.shape))

learning_rate, num_iterations = 0.3, 1200
parameters = initialize_parameters(train_x.shape[0], 32, 10)
for i in range(num_iterations):
    cost = compute_cost(forward_propagation(train_x, parameters), Y)
    grads = torch.autograd.grad(cost, parameters)
    with torch.no_grad():
        for p, g in zip(parameters, grads):
            p -= learning_rate * g
    if i % 100 == 0:
        print(f"Cost after iteration {i}: {cost.item():.4f}")

print(f"Train accuracy: {accuracy(train_x, train_y, parameters):.4f}")
test_accuracy = accuracy(test_x, test_y, parameters)
print(f"RESULT test_accuracy {test_accuracy:.4f}")
