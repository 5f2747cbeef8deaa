import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser("search")
parser.add_argument("--batch_size", type=int, default=64)
parser.add_argument("--learning_rate", type=float, default=0.1)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--weight_decay", type=float, default=3e-4)
parser.add_argument("--epochs", type=int, default=24)
parser.add_argument("--warmup", type=int, default=8, help="epochs before the cells are searched")
parser.add_argument("--init_channels", type=int, default=16)
parser.add_argument("--grad_clip", type=float, default=5.0)
parser.add_argument("--arch_learning_rate", type=float, default=6e-3)
parser.add_argument("--arch_weight_decay", type=float, default=1e-3)
args = parser.parse_args()

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


def conv(c_in, c_out, stride=1, dilation=1):
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, 3, stride=stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(c_out, affine=False),
    )


class MixedOp(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.ops = nn.ModuleList([
            conv(channels, channels),
            conv(channels, channels, dilation=2),
            nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), nn.BatchNorm2d(channels, affine=False)),
            nn.Identity(),
        ])

    def forward(self, x, weights):
        return sum(w * op(x) for w, op in zip(weights, self.ops))


class Network(nn.Module):
    def __init__(self, c, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        self.cell1 = MixedOp(c)
        self.reduce = conv(c, 2 * c, stride=2)
        self.cell2 = MixedOp(2 * c)
        self.classifier = nn.Linear(2 * c, num_classes)
        self.alphas = nn.Parameter(1e-3 * torch.randn(2, 4))

    def forward(self, x):
        weights = F.softmax(self.alphas, dim=-1)
        x = self.cell1(self.stem(x), weights[0])
        x = self.cell2(self.reduce(x), weights[1])
        return self.classifier(F.relu(x).mean(dim=(2, 3)))

    def weight_parameters(self):
        return [p for name, p in self.named_parameters() if name != "alphas"]


def get_loaders():
    digits = load_digits()
    images = torch.tensor((digits.images - 4.9) / 6.0, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels))
    parts = [order[:750], order[750:1250], order[1250:]]
    return [DataLoader(TensorDataset(images[p], labels[p]), args.batch_size, shuffle=i < 2) for i, p in enumerate(parts)]


def infer(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return right / total


def main():
    train_queue, arch_queue, test_queue = get_loaders()
    model = Network(args.init_channels)
    optimizer = torch.optim.SGD(model.weight_parameters(), args.learning_rate, momentum=args.momentum, weight_decay=args.weight_decay)
    arch_optimizer = torch.optim.Adam([model.alphas], lr=args.arch_learning_rate, betas=(0.5, 0.999), weight_decay=args.arch_weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs - args.warmup + 1)

    for epoch in range(args.epochs):
        if epoch < args.warmup:
            for param_group in optimizer.param_groups:
                param_group["lr"] = args.learning_rate * (epoch + 1) / args.warmup
        else:
            scheduler.step()

        model.train()
        total, arch_batches = 0.0, iter(arch_queue)
        for x, y in train_queue:
            if epoch >= args.warmup:
                batch = next(arch_batches, None)
                if batch is not None:
                    arch_optimizer.zero_grad()
                    F.cross_entropy(model(batch[0]), batch[1]).backward()
                    arch_optimizer.step()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.weight_parameters(), args.grad_clip)
            optimizer.step()
            total += loss.item() / len(train_queue)
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d} train loss {total:.4f} valid acc {infer(model, arch_queue):.4f}")

    print("cells", F.softmax(model.alphas, dim=-1).detach().numpy().round(2).tolist())
    print("RESULT test_accuracy", round(infer(model, test_queue), 4))


if __name__ == "__main__":
    main()
