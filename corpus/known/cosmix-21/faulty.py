"""Mean-teacher training on few labelled and many unlabelled digits; the teacher is evaluated."""
import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            block(1, 16), block(16, 16), nn.MaxPool2d(2),
            block(16, 32), block(32, 32), nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(32 * 4, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class MomentumUpdater:
    """Exponential moving average from the online (student) to the momentum (teacher) network."""

    def __init__(self, tau=0.98):
        self.cur_tau = tau

    @torch.no_grad()
    def update(self, online_net, momentum_net):
        for op, mp in zip(online_net.parameters(), momentum_net.parameters()):
            mp.data = self.cur_tau * mp.data + (1 - self.cur_tau) * op.data


digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)
labelled, y_labelled = x_train[:500], y_train[:500]
unlabelled = x_train[500:]

student = Backbone()
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)
teacher.eval()
updater = MomentumUpdater()
optimizer = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9)


def jitter(images):
    return images + 0.1 * torch.randn_like(images)


student.train()
for step in range(1, 401):
    ids = torch.randint(0, len(labelled), (32,))
    uds = torch.randint(0, len(unlabelled), (32,))
    out = student(torch.cat([jitter(labelled[ids]), jitter(unlabelled[uds])]))
    with torch.no_grad():
        target = teacher(unlabelled[uds]).softmax(1)
    supervised = F.cross_entropy(out[:32], y_labelled[ids])
    consistency = F.mse_loss(out[32:].softmax(1), target)
    loss = supervised + min(1.0, step / 200) * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    updater.update(student, teacher)
    if step % 50 == 0:
        with torch.no_grad():
            acc = (teacher(x_test).argmax(1) == y_test).float().mean().item()
        print(f"step {step}: supervised {supervised.item():.4f} consistency {consistency.item():.4f} teacher acc {acc:.4f}")

print("RESULT teacher_accuracy", round(acc, 4))
