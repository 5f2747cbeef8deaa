"""Tags the parts of postal addresses as customers type them. Bucketed batches, packed sequences, F1 per part."""
import os
import random
from collections import Counter

import torch
from sklearn.metrics import classification_report, f1_score
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
PARTS = ["NUMBER", "STREET", "SUFFIX", "UNIT", "CITY", "STATE", "ZIP", "NAME"]
IGNORE = -100

# many words are both a street and a town, and a number may be a house, a flat or part of a street's name
PLACES = "lincoln madison jackson franklin clinton salem auburn georgetown bristol dover hudson milton oxford ashland".split()
STREETS = PLACES + "main oak maple cedar elm park lake hill church river spring mill view sunset".split()
CITIES = PLACES + "boston denver austin portland seattle houston dallas phoenix tampa mesa".split()
SUFFIXES = "st street ave avenue rd road blvd ln lane dr".split()
STATES = "ma co tx or wa az fl ny oh il".split()
UNITS = "apt unit suite flat".split()
NAMES = "maria john wei fatima ivan chloe omar lucy smith garcia chen novak haddad brown".split()


def make_address(rng):
    number = lambda digits: "".join(rng.choice("123456789") for _ in range(digits))
    out = []
    if rng.random() < 0.4:
        out += [(w, "NAME") for w in rng.sample(NAMES, rng.randint(1, 2))]
    house = [(number(rng.randint(1, 4)), "NUMBER")]
    if rng.random() < 0.2:
        street = [(number(rng.randint(1, 2)) + rng.choice(["th", "nd"]), "STREET")]
    else:
        street = [(w, "STREET") for w in rng.sample(STREETS, 1 if rng.random() < 0.75 else 2)]
    suffix = [(rng.choice(SUFFIXES), "SUFFIX")] if rng.random() < 0.9 else []
    line = house + street + suffix
    if rng.random() < 0.4:
        unit = [(rng.choice(UNITS), "UNIT"), (number(rng.randint(1, 3)), "UNIT")]
        line = line + unit if rng.random() < 0.7 else unit + line
    town = [(w, "CITY") for w in rng.sample(CITIES, 1)]
    if rng.random() < 0.15:
        town = [("new", "CITY")] + town
    town.append((rng.choice(STATES), "STATE"))
    if rng.random() < 0.8:
        town.append((number(5), "ZIP"))
    return out + line + town


def shape(word):
    if word.isdigit():
        return f"<{len(word)} digits>"
    return "<ordinal>" if word[0].isdigit() else word


class Addresses(Dataset):
    def __init__(self, addresses, vocab, p_unknown=0.0):
        self.words = [torch.tensor([vocab.get(shape(w), 1) for w, _ in a]) for a in addresses]
        self.tags = [torch.tensor([PARTS.index(t) for _, t in a]) for a in addresses]
        self.p_unknown = p_unknown

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        words = self.words[i]
        if self.p_unknown:
            words = torch.where(torch.rand(len(words)) < self.p_unknown, 1, words)
        return words, self.tags[i]


def collate(batch):
    words, tags = zip(*batch)
    lengths = torch.tensor([len(w) for w in words])
    return pad_sequence(words, batch_first=True), lengths, pad_sequence(tags, batch_first=True, padding_value=IGNORE)


class BucketBatchSampler(Sampler):
    """Shuffles, sorts within pools of a few batches by length, cuts into batches, shuffles the batches."""

    def __init__(self, lengths, batch_size, pool=8, seed=0):
        self.lengths, self.batch_size, self.pool, self.rng = lengths, batch_size, pool * batch_size, random.Random(seed)

    def __len__(self):
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self):
        order = list(range(len(self.lengths)))
        self.rng.shuffle(order)
        batches = []
        for start in range(0, len(order), self.pool):
            pool = sorted(order[start : start + self.pool], key=lambda i: self.lengths[i])
            batches += [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
        self.rng.shuffle(batches)
        return iter(batches)


class Tagger(nn.Module):
    def __init__(self, n_words, dim=24, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(n_words, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(2 * hidden, len(PARTS))

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(self.drop(h))


def evaluate(model, loader):
    model.eval()
    truth, guess = [], []
    with torch.no_grad():
        for words, lengths, tags in loader:
            keep = tags != IGNORE
            guess += model(words, lengths).argmax(-1)[keep].tolist()
            truth += tags[keep].tolist()
    return truth, guess


def main():
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    train, valid, test = ([make_address(rng) for _ in range(n)] for n in (1200, 200, 400))
    counts = Counter(shape(w) for a in train for w, _ in a)
    vocab = {"<pad>": 0, "<unk>": 1}
    for word, _ in counts.most_common():
        vocab[word] = len(vocab)
    sampler = BucketBatchSampler([len(a) for a in train], 32, seed=SEED)
    loader = DataLoader(Addresses(train, vocab, p_unknown=0.03), batch_sampler=sampler, collate_fn=collate)
    valid_loader, test_loader = (DataLoader(Addresses(d, vocab), batch_size=100, collate_fn=collate) for d in (valid, test))

    model = Tagger(len(vocab))
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    scheduler = torch.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.75)
    for epoch in range(7):
        model.train()
        total = tokens = 0
        for words, lengths, tags in loader:
            logits = model(words, lengths)
            loss = criterion(logits.flatten(0, 1), tags.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            n = int(lengths.sum())
            total, tokens = total + loss.item() * n, tokens + n
        scheduler.step()
        truth, guess = evaluate(model, valid_loader)
        print(f"epoch {epoch + 1}: loss per token {total / tokens:.4f}, valid macro f1 {f1_score(truth, guess, average='macro'):.4f}")

    truth, guess = evaluate(model, test_loader)
    print(classification_report(truth, guess, labels=list(range(len(PARTS))), target_names=PARTS, digits=3, zero_division=0))
    typed = "chen 42 dover st apt 7 new oxford tx 77001".split()
    ids = torch.tensor([[vocab.get(shape(w), 1) for w in typed]])
    with torch.no_grad():
        tags = model(ids, torch.tensor([len(typed)])).argmax(-1)[0].tolist()
    print(" ".join(f"{w}/{PARTS[t]}" for w, t in zip(typed, tags)))
    print("RESULT macro_f1", round(float(f1_score(truth, guess, average="macro")), 4))


if __name__ == "__main__":
    main()
