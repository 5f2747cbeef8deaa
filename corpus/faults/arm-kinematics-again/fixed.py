import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "links": (0.5, 0.4, 0.25),
    "joint_limits": (2.2, 1.9, 1.6),
    "n_train": 4000,
    "n_test": 1000,
    "model": {"hidden": (96, 96, 96), "activation": "silu"},
    "optim": {"name": "adam", "lr": 2e-3},
    "epochs": 25,
    "batch_size": 64,
}

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}


def build_mlp(n_in, n_out, hidden, activation):
    layers = []
    for width in hidden:
        layers.append(nn.Linear(n_in, width))
        layers.append(ACTIVATIONS.get(activation, nn.Identity)())
        n_in = width
    layers.append(nn.Linear(n_in, n_out))
    return nn.Sequential(*layers)


def gripper_pose(joints, links):
    """Position of the gripper of a planar arm, with a little sag of the stretched arm."""
    angle = np.cumsum(joints, axis=1)
    x = (links * np.cos(angle)).sum(1)
    y = (links * np.sin(angle)).sum(1)
    return np.stack([x, y - 0.04 * x ** 2], axis=1)


def collect(n, rng, cfg):
    limits = np.array(cfg["joint_limits"])
    joints = rng.uniform(-limits, limits, size=(n, len(limits)))
    pose = gripper_pose(joints, np.array(cfg["links"]))
    pose = pose + 0.002 * rng.standard_normal(pose.shape)
    return torch.tensor(joints / limits * np.sqrt(3.0), dtype=torch.float32), torch.tensor(pose, dtype=torch.float32)


def fit(cfg):
    torch.manual_seed(cfg["seed"])
    rng = np.random.default_rng(cfg["seed"])
    q_train, p_train = collect(cfg["n_train"], rng, cfg)
    q_test, p_test = collect(cfg["n_test"], rng, cfg)
    centre, spread = p_train.mean(0), p_train.std(0)
    target = (p_train - centre) / spread

    model = build_mlp(q_train.shape[1], p_train.shape[1], **cfg["model"])
    optimizer = OPTIMIZERS[cfg["optim"]["name"]](model.parameters(), lr=cfg["optim"]["lr"])
    loss_fn = nn.MSELoss()

    for epoch in range(cfg["epochs"]):
        model.train()
        running = 0.0
        for idx in torch.randperm(len(q_train)).split(cfg["batch_size"]):
            optimizer.zero_grad()
            loss = loss_fn(model(q_train[idx]), target[idx])
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            predicted = model(q_test) * spread + centre
            miss = (predicted - p_test).norm(dim=1)
        if epoch % 4 == 0 or epoch == cfg["epochs"] - 1:
            print(f"epoch {epoch:3d} | train loss {running / len(q_train):.5f} | gripper error mean {100 * miss.mean().item():.2f} cm"
                  f" 95% {100 * miss.quantile(0.95).item():.2f} cm")
    return 100 * miss.mean().item()


if __name__ == "__main__":
    print(f"RESULT gripper_error_cm {fit(CONFIG):.4f}")
