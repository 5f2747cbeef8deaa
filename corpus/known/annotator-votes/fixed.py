import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# every image was labelled by a crowd; the target is the distribution of its votes
digits = load_digits()
perm = torch.randperm(len(digits.target))
images = torch.tensor(digits.images, dtype=torch.float32)[perm, None] / 16
truth = torch.tensor(digits.target)[perm]
confusion = 0.35 * torch.softmax(1.5 * torch.randn(10, 10), dim=1) + 0.65 * torch.eye(10)
votes = torch.distributions.Multinomial(40, probs=confusion[truth]).sample() / 40

x_train, x_test = images[:1400], images[1400:]
t_train = votes[:1400]
p_test = confusion[truth[1400:]]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 84)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def divergence(x, p):
    with torch.no_grad():
        log_q = F.log_softmax(net(x), dim=1)
    return (p * (p.clamp_min(1e-9).log() - log_q)).sum(1).mean().item()


net = Net()
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(15):
    running_loss = 0.0
    batches = torch.randperm(len(x_train)).split(32)
    for batch in batches:
        optimizer.zero_grad()
        outputs = F.log_softmax(net(x_train[batch]), dim=1)
        loss = criterion(outputs, t_train[batch])
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(f"[{epoch + 1:2d}] loss: {running_loss / len(batches):.4f}  divergence on test images: {divergence(x_test, p_test):.4f}")

print(f"RESULT test_divergence {divergence(x_test, p_test):.4f}")
