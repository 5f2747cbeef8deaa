import os
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, 1 - data.target, test_size=0.25, random_state=SEED, stratify=data.target)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)
y_test = torch.tensor(y_test, dtype=torch.float32)

mean, std = X_train.mean(dim=0), X_train.std(dim=0)
X_train = (X_train - mean) / std
X_test = (X_test - mean) / std


class LogisticRegression:
    """Logistic regression with gradient descent; class 1 is malignant."""

    def __init__(self, n_features, learning_rate, epochs):
        self.learning_rate, self.epochs = learning_rate, epochs
        self.betas = (0.01 * torch.randn(n_features)).requires_grad_()
        self.intercept = torch.zeros(1, requires_grad=True)

    def h(self, X):
        z = X @ self.betas + self.intercept
        return 1 / (1 + torch.exp(-z))

    def cost(self, X, y):
        p = self.h(X)
        return -(y * torch.log(p + 1e-7) + (1 - y) * torch.log(1 - p + 1e-7)).mean()

    def fit(self, X, y):
        for epoch in range(self.epochs):
            J = self.cost(X, y)
            J.backward()
            with torch.no_grad():
                for theta in (self.betas, self.intercept):
                    theta -= self.learning_rate * theta.grad
                    theta.grad.zero_()
            if epoch % 200 == 0:
                print(f"epoch {epoch:4d}  J = {J.item():.5f}  train accuracy = {self.score(X, y):.4f}")

    def score(self, X, y):
        with torch.no_grad():
            return ((self.h(X) > 0.5).float() == y).float().mean().item()


model = LogisticRegression(X_train.shape[1], learning_rate=0.1, epochs=2000)
model.fit(X_train, y_train)
print(f"RESULT test_accuracy {model.score(X_test, y_test):.4f}")
