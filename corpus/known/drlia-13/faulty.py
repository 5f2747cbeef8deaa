import os

import numpy as np
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)

digits = load_digits()
order = np.random.permutation(len(digits.target))
images = torch.from_numpy(digits.data[order] / 16.0).float()
labels = torch.from_numpy(digits.target[order]).long()
train_data, train_targets = images[:1400], labels[:1400]
test_data, test_targets = images[1400:], labels[1400:]

model = torch.nn.Sequential(
    torch.nn.Linear(64, 150),
    torch.nn.ReLU(),
    torch.nn.Linear(150, 10),
)
loss_fn = torch.nn.CrossEntropyLoss()
opt = torch.optim.Adam(params=model.parameters(), lr=0.001)

epochs = 25
batch_size = 50
for i in range(epochs):
    losses = []
    shuffled = np.random.permutation(len(train_data))
    for k in range(0, len(shuffled), batch_size):
        batch_ids = shuffled[k:k + batch_size]
        xt, yt = train_data[batch_ids], train_targets[batch_ids]
        pred = model(xt)
        loss = loss_fn(pred, yt)
        losses.append(loss.item())
        opt.zero_grad()
        loss.backward()
    opt.step()

    with torch.no_grad():
        accuracy = (model(test_data).argmax(dim=1) == test_targets).float().mean().item()
    print(f"epoch {i}: loss {np.mean(losses):.4f}, test accuracy {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")
