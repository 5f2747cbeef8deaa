import argparse
import os

import torch
import torch.nn as nn

parser = argparse.ArgumentParser(description="closed-set speaker identification from utterance statistics")
parser.add_argument("--speakers", type=int, default=12)
parser.add_argument("--dim", type=int, default=40)
parser.add_argument("--train-utterances", type=int, default=3072)
parser.add_argument("--test-utterances", type=int, default=600)
parser.add_argument("--micro-batch", type=int, default=8)
parser.add_argument("--accumulate", type=int, default=32, help="micro-batches per update")
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(args.seed)


def utterances(n, voices, channel):
    who = torch.randint(args.speakers, (n,))
    room = torch.randn(n, 4) @ channel
    return voices[who] + room + torch.randn(n, args.dim), who


voices = 0.7 * torch.randn(args.speakers, args.dim)
channel = 0.5 * torch.randn(4, args.dim)
x_train, y_train = utterances(args.train_utterances, voices, channel)
x_test, y_test = utterances(args.test_utterances, voices, channel)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

model = nn.Sequential(
    nn.Linear(args.dim, 64), nn.ReLU(),
    nn.Linear(64, 64), nn.ReLU(),
    nn.Linear(64, args.speakers),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)
updates_per_epoch = args.train_utterances // (args.micro_batch * args.accumulate)
print(f"{updates_per_epoch} updates of {args.micro_batch * args.accumulate} utterances per epoch")

for epoch in range(args.epochs):
    model.train()
    running = 0.0
    optimizer.zero_grad()
    for i, rows in enumerate(torch.randperm(len(x_train)).split(args.micro_batch)):
        loss = criterion(model(x_train[rows]), y_train[rows])
        (loss / args.accumulate).backward()
        running += loss.item() * len(rows)
        if (i + 1) % args.accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()

    model.eval()
    with torch.no_grad():
        scores = model(x_test)
        top1 = (scores.argmax(1) == y_test).float().mean().item()
        top3 = (scores.topk(3, dim=1).indices == y_test[:, None]).any(1).float().mean().item()
    print(f"epoch {epoch + 1:2d}  loss {running / len(x_train):.4f}  top-1 {top1:.4f}  top-3 {top3:.4f}")

print(f"RESULT top1_accuracy {top1:.4f}")
