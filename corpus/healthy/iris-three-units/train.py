import os
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedShuffleSplit

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

# how good is a net of three hidden units, averaged over ten splits
data = load_iris()
features = torch.tensor(data.data, dtype=torch.float32)
species = torch.tensor(data.target)

RATE = 0.5
STEPS = 500


def standardise(train, test):
    mean, std = train.mean(0), train.std(0)
    return (train - mean) / std, (test - mean) / std


def train_net(x, y):
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 3))
    sgd = torch.optim.SGD(net.parameters(), lr=RATE, weight_decay=1e-3)
    history = []
    for _ in range(STEPS):
        sgd.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        sgd.step()
        history.append(loss.item())
    return net, history


results = []
splits = StratifiedShuffleSplit(n_splits=10, test_size=50, random_state=seed)
for number, (tr, te) in enumerate(splits.split(data.data, data.target), start=1):
    tr, te = torch.as_tensor(tr), torch.as_tensor(te)
    x_train, x_test = standardise(features[tr], features[te])
    net, history = train_net(x_train, species[tr])
    net.eval()
    with torch.no_grad():
        hit = (net(x_test).argmax(1) == species[te]).float().mean().item()
    print(f"split {number:2d}: loss {history[0]:.3f} -> {history[99]:.3f} -> {history[-1]:.3f}, accuracy {hit:.3f}")
    results.append(hit)

spread = torch.tensor(results)
print(f"accuracy {spread.mean().item():.4f} +- {spread.std().item():.4f}")
print(f"RESULT mean_test_accuracy {spread.mean().item():.4f}")
