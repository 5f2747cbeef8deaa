import os
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import make_moons

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_moons(1600, noise=0.15, random_state=seed)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)


class Moons(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 40)
        self.b = nn.Linear(40, 40)
        self.c = nn.Linear(40, 1)

    def forward(self, x):
        return self.c(torch.tanh(self.b(torch.tanh(self.a(x))))).view(-1)


def main():
    net = Moons()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9995)
    for epoch in range(40):
        total = 0.0
        for idx in torch.randperm(1200).split(40):
            opt.zero_grad()
            loss = F.binary_cross_entropy_with_logits(net(X[idx]), y[idx])
            loss.backward()
            opt.step()
            total += loss.item() / 30
        if epoch % 5 == 0:
            print("epoch %d loss %.4f" % (epoch, total))
    with torch.no_grad():
        test = F.binary_cross_entropy_with_logits(net(X[1200:]), y[1200:]).item()
    print(f"RESULT test_loss {test:.4f}")


main()
