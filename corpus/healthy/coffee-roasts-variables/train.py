# Degree of roast of coffee beans from six laboratory readings.
# (first written in 2017 for torch 0.2, only the .data[0] were replaced since)
from __future__ import print_function

import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable

parser = argparse.ArgumentParser(description='Coffee roasts')
parser.add_argument('--batch-size', type=int, default=50, metavar='N')
parser.add_argument('--test-batch-size', type=int, default=250, metavar='N')
parser.add_argument('--epochs', type=int, default=20, metavar='N')
parser.add_argument('--lr', type=float, default=0.03, metavar='LR')
parser.add_argument('--momentum', type=float, default=0.9, metavar='M')
parser.add_argument('--seed', type=int, default=int(os.environ.get('SEED', '0')), metavar='S')
parser.add_argument('--log-interval', type=int, default=15, metavar='N')
args = parser.parse_args()

torch.set_num_threads(1)
np.random.seed(args.seed)
torch.manual_seed(args.seed)

NAMES = ['light', 'medium', 'dark', 'burnt']


def measure(n):
    r = np.random.uniform(0, 1, n)                 # how far the roast went
    bean = np.random.randint(0, 2, n)              # arabica, robusta
    cols = [
        60 - 40 * r + 3 * bean + np.random.normal(0, 1.5, n),          # L
        10 + 8 * np.sin(3 * r) + np.random.normal(0, 0.6, n),          # a
        25 - 18 * r ** 2 + np.random.normal(0, 1.0, n),                # b
        11 + 9 * r + np.random.normal(0, 0.4, n),                      # loss of weight, %
        120 + 90 * (1 - r) + 20 * bean + np.random.normal(0, 6, n),    # first crack, s
        4 - 2.5 * r + np.random.normal(0, 0.2, n),                     # moisture, %
    ]
    label = np.minimum((4 * r).astype('int64'), 3)
    return np.stack(cols, 1).astype('float32'), label


train_data, train_label = measure(1500)
test_data, test_label = measure(500)
mean, std = train_data.mean(0), train_data.std(0)
train_data = (train_data - mean) / std
test_data = (test_data - mean) / std

train_loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(torch.from_numpy(train_data), torch.from_numpy(train_label)),
    batch_size=args.batch_size, shuffle=True)
test_loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(torch.from_numpy(test_data), torch.from_numpy(test_label)),
    batch_size=args.test_batch_size, shuffle=False)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(6, 40)
        self.fc2 = nn.Linear(40, 40)
        self.fc3 = nn.Linear(40, 4)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)


model = Net()
optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)


def adjust_learning_rate(optimizer, epoch):
    """A tenth of the rate after twelve epochs."""
    lr = args.lr * (0.1 ** (epoch // 13))
    for param_group in optimizer.param_groups:
        param_group['lr'] = lr


def train(epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = Variable(data), Variable(target)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print('Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}'.format(
                epoch, batch_idx * len(data), len(train_loader.dataset),
                100. * batch_idx / len(train_loader), loss.data.item()))


def test():
    model.eval()
    test_loss = 0
    correct = 0
    confusion = np.zeros((4, 4), dtype=int)
    with torch.no_grad():
        for data, target in test_loader:
            data, target = Variable(data), Variable(target)
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction='sum').item()
            pred = output.data.max(1, keepdim=True)[1]
            correct += pred.eq(target.data.view_as(pred)).cpu().sum().item()
            for t, p in zip(target.tolist(), pred.view(-1).tolist()):
                confusion[t, p] += 1
    n = len(test_loader.dataset)
    print('\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.1f}%)\n'.format(
        test_loss / n, correct, n, 100. * correct / n))
    return correct / float(n), confusion


for epoch in range(1, args.epochs + 1):
    adjust_learning_rate(optimizer, epoch)
    train(epoch)
    accuracy, confusion = test()

print('confusion (rows: truth)')
for name, row in zip(NAMES, confusion):
    print('%8s' % name, row)
print('RESULT test_accuracy', round(accuracy, 4))
