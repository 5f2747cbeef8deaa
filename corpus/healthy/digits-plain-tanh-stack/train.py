import argparse
import math
import os
import tempfile

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def parse():
    p = argparse.ArgumentParser(description="How far does a plain tanh stack go with an orthogonal start?")
    p.add_argument("--depth", type=int, default=32)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--gain", type=float, default=1.0)
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args()


def orthogonal_(module, gain):
    for m in module.modules():
        if isinstance(m, nn.Linear):
            nn.init.orthogonal_(m.weight, gain=gain)
            nn.init.zeros_(m.bias)


def build(depth, width, gain):
    layers = []
    for i in range(depth):
        layers += [nn.Linear(64 if i == 0 else width, width), nn.Tanh()]
    layers.append(nn.Linear(width, 10))
    net = nn.Sequential(*layers)
    orthogonal_(net, gain)
    return net


def loaders(args):
    X, y = load_digits(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X / 16.0, y, test_size=0.25, random_state=args.seed, stratify=y)
    mean, std = X_tr.mean(), X_tr.std()
    make = lambda a, b: TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b, dtype=torch.long))
    return DataLoader(make(X_tr, y_tr), batch_size=args.batch_size, shuffle=True), DataLoader(make(X_te, y_te), batch_size=450)


def warm_cosine(step, total, warmup=40):
    if step < warmup:
        return (step + 1) / warmup
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


@torch.no_grad()
def evaluate(net, loader):
    net.eval()
    hits = count = 0
    for xb, yb in loader:
        hits += (net(xb).argmax(1) == yb).sum().item()
        count += len(yb)
    net.train()
    return hits / count


def main():
    args = parse()
    torch.manual_seed(args.seed)
    train_loader, test_loader = loaders(args)
    net = build(args.depth, args.width, args.gain)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    total = args.epochs * len(train_loader)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: warm_cosine(s, total))
    loss_fn = nn.CrossEntropyLoss()

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "last.pt")
        for epoch in range(1, args.epochs + 1):
            running = 0.0
            for xb, yb in train_loader:
                optimizer.zero_grad(set_to_none=True)
                loss = loss_fn(net(xb), yb)
                loss.backward()
                optimizer.step()
                scheduler.step()
                running += loss.item() * len(yb)
            if epoch % 6 == 0:
                torch.save(net.state_dict(), path)
                print(f"[{epoch:02d}/{args.epochs}] loss {running / len(train_loader.dataset):.4f} test {evaluate(net, test_loader):.4f}")
        net.load_state_dict(torch.load(path))

    print("RESULT test_accuracy", round(evaluate(net, test_loader), 4))


if __name__ == "__main__":
    main()
