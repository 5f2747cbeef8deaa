import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--embed-dim", type=int, default=32)
parser.add_argument("--hidden-dim", type=int, default=64)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=18)
parser.add_argument("--learning-rate", type=float, default=3e-3)
parser.add_argument("--adam-beta1", type=float, default=0.9)
parser.add_argument("--adam-beta2", type=float, default=0.999)
parser.add_argument("--adam-eps", type=float, default=0.1)
parser.add_argument("--grad-clip", type=float, default=5.0)
args = parser.parse_args()

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

WORDS, LENGTH, BOS = 12, 5, 0
lexicon = torch.randperm(WORDS) + 1


def corpus(n):
    """The target language puts the words the other way round."""
    source = torch.randint(1, WORDS + 1, (n, LENGTH))
    target = lexicon[source.flip(1) - 1]
    return source, target


class Encoder(nn.Module):
    def __init__(self, vocab, embed_dim, hidden_dim):
        super().__init__()
        self.embed = nn.Embedding(vocab, embed_dim)
        self.rnn = nn.GRU(embed_dim, hidden_dim, batch_first=True)

    def forward(self, source):
        return self.rnn(self.embed(source))


class AttentionDecoder(nn.Module):
    def __init__(self, vocab, embed_dim, hidden_dim):
        super().__init__()
        self.embed = nn.Embedding(vocab, embed_dim)
        self.rnn = nn.GRU(embed_dim, hidden_dim, batch_first=True)
        self.query = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.mix = nn.Linear(2 * hidden_dim, hidden_dim)
        self.out = nn.Linear(hidden_dim, vocab)

    def forward(self, previous, memory, state):
        states, _ = self.rnn(self.embed(previous), state)
        scores = self.query(states) @ memory.transpose(1, 2) / memory.size(-1) ** 0.5
        context = scores.softmax(dim=-1) @ memory
        return self.out(torch.tanh(self.mix(torch.cat([states, context], dim=-1))))


class Translator(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.encoder = Encoder(vocab, args.embed_dim, args.hidden_dim)
        self.decoder = AttentionDecoder(vocab, args.embed_dim, args.hidden_dim)

    def forward(self, source, target):
        memory, state = self.encoder(source)
        bos = torch.full((len(target), 1), BOS)
        return self.decoder(torch.cat([bos, target[:, :-1]], dim=1), memory, state)


def set_optimizer(model):
    return torch.optim.Adam(
        model.parameters(),
        lr=args.learning_rate,
        betas=(args.adam_beta1, args.adam_beta2),
        eps=args.adam_eps,
    )


def run_epoch(model, optimizer, source, target):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(source)).split(args.batch_size):
        optimizer.zero_grad()
        logits = model(source[rows], target[rows])
        loss = F.cross_entropy(logits.flatten(0, 1), target[rows].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(source)


@torch.no_grad()
def evaluate(model, source, target):
    model.eval()
    logits = model(source, target)
    loss = F.cross_entropy(logits.flatten(0, 1), target.flatten()).item()
    return loss, (logits.argmax(-1) == target).float().mean().item()


train_pairs, dev_pairs = corpus(2000), corpus(400)
model = Translator(WORDS + 1)
optimizer = set_optimizer(model)
for epoch in range(1, args.epochs + 1):
    train_loss = run_epoch(model, optimizer, *train_pairs)
    if epoch % 3 == 0:
        dev_loss, dev_acc = evaluate(model, *dev_pairs)
        print(f"epoch {epoch:2d} train loss {train_loss:.4f} dev loss {dev_loss:.4f} dev word accuracy {dev_acc:.4f}")

print("RESULT word_accuracy", round(evaluate(model, *dev_pairs)[1], 4))
