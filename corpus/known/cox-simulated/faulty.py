import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def simulate(n, num_features=9):
    """Exponential survival times; two of the nine covariates and the treatment set the hazard."""
    x = rng.uniform(-1, 1, size=(n, num_features))
    treatment = rng.integers(0, 2, size=(n, 1))
    log_hazard = x[:, 0] + 2.0 * x[:, 1] - 1.0 * treatment[:, 0]
    t = rng.exponential(5.0 / np.exp(log_hazard))
    end_of_study = 15.0
    e = (t <= end_of_study).astype(np.float32)
    t = np.minimum(t, end_of_study)
    return {
        "x": np.hstack([x, treatment]).astype(np.float32),
        "t": t.astype(np.float32),
        "e": e,
    }


def standardize(data, mean, std):
    return {**data, "x": (data["x"] - mean) / std}


def prepare(data):
    order = np.argsort(-data["t"])
    return (torch.from_numpy(data["x"][order]), torch.from_numpy(data["e"][order]))


class DeepSurv(nn.Module):
    def __init__(self, n_in, hidden_layers_sizes):
        super().__init__()
        layers = []
        for width in hidden_layers_sizes:
            layers += [nn.Linear(n_in, width), nn.ReLU()]
            n_in = width
        layers.append(nn.Linear(n_in, 1))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(1)


def negative_log_likelihood(risk, e):
    """risk and e are in the order of descending time, so that the risk set of i is 0..i"""
    log_risk_set = torch.logcumsumexp(risk, dim=0)
    return -((risk - log_risk_set) * e).sum() / e.sum()


def concordance_index(t, risk, e):
    comparable = (t[:, None] < t[None, :]) & (e[:, None] == 1)
    higher = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    return float((higher * comparable).sum() / comparable.sum())


train, valid, test = simulate(950), simulate(300), simulate(300)
mean, std = train["x"].mean(0), train["x"].std(0)
train, valid, test = (standardize(d, mean, std) for d in (train, valid, test))
x_train, e_train = prepare(train)
x_valid, e_valid = prepare(valid)

hyperparams = {
    "n_in": 10,
    "hidden_layers_sizes": [10, 10],
}
learning_rate = 1e-5
network = DeepSurv(**hyperparams)
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=0.9, nesterov=True)


def c_index(data):
    with torch.no_grad():
        risk = network(torch.from_numpy(data["x"])).numpy()
    return concordance_index(data["t"], risk, data["e"])


for epoch in range(500):
    loss = negative_log_likelihood(network(x_train), e_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0 or epoch == 499:
        with torch.no_grad():
            valid_loss = negative_log_likelihood(network(x_valid), e_valid)
        print(f"epoch {epoch:3d}  train nll {loss.item():.4f}  valid nll {valid_loss.item():.4f}  valid c-index {c_index(valid):.4f}")

print(f"RESULT test_c_index {c_index(test):.4f}")
