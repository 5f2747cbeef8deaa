import os
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.data / 16, digits.target, test_size=0.2, random_state=SEED)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

num_inputs, num_hiddens, num_outputs = 64, 64, 10
W1 = (torch.randn(num_inputs, num_hiddens) * 0.1).requires_grad_()
b1 = torch.zeros(num_hiddens, requires_grad=True)
W2 = (torch.randn(num_hiddens, num_outputs) * 0.1).requires_grad_()
b2 = torch.zeros(num_outputs, requires_grad=True)
params = [W1, b1, W2, b2]


def data_iter(batch_size, features, labels):
    indices = torch.randperm(len(features))
    for i in range(0, len(features), batch_size):
        batch = indices[i:i + batch_size]
        yield features[batch], labels[batch]


def relu(X):
    return torch.max(X, torch.zeros_like(X))


def net(X):
    H = relu(X @ W1 + b1)
    return H @ W2 + b2


def cross_entropy(O, y):
    log_probs = O - torch.logsumexp(O, dim=1, keepdim=True)
    return -log_probs[torch.arange(len(y)), y]


def sgd(params, lr):
    """Minibatch stochastic gradient descent."""
    with torch.no_grad():
        for param in params:
            grad = param.grad
            param = param - lr * grad
            grad.zero_()


def evaluate_accuracy(features, labels):
    with torch.no_grad():
        return (net(features).argmax(dim=1) == labels).float().mean().item()


lr, num_epochs, batch_size = 0.1, 30, 32
for epoch in range(num_epochs):
    metric = 0.0
    for X, y in data_iter(batch_size, X_train, y_train):
        l = cross_entropy(net(X), y)
        l.mean().backward()
        sgd(params, lr)
        metric += l.sum().item()
    print(f"epoch {epoch + 1}, train loss {metric / len(X_train):.4f}, "
          f"test acc {evaluate_accuracy(X_test, y_test):.4f}")

print(f"RESULT test_accuracy {evaluate_accuracy(X_test, y_test):.4f}")
