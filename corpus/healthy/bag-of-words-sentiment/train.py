import os
import random

import torch
from torch import nn
from torch.utils.data import DataLoader

seed = int(os.environ.get("SEED", "0"))
random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

TOPICS = {
    "praise": "lovely superb charming bright clever moving fresh warm elegant delight".split(),
    "blame": "dull clumsy tedious weak noisy awful flat sloppy tired mess".split(),
    "shrug": "okay average fine usual passable ordinary decent middling fair plain".split(),
}
FILLER = [f"word{i}" for i in range(150)]
LABELS = list(TOPICS)


def make_review():
    label = random.randrange(3)
    words = random.choices(FILLER, k=random.randint(6, 20))
    words += random.choices(TOPICS[LABELS[label]], k=random.randint(2, 4))
    if random.random() < 0.3:
        words += random.choices(TOPICS[LABELS[(label + 1) % 3]], k=1)
    random.shuffle(words)
    return " ".join(words), label


reviews = [make_review() for _ in range(3500)]
vocab = {w: i for i, w in enumerate(sorted({w for text, _ in reviews for w in text.split()}))}


def collate(batch):
    ids = [torch.tensor([vocab[w] for w in text.split()]) for text, _ in batch]
    offsets = torch.tensor([0] + [len(i) for i in ids[:-1]]).cumsum(0)
    return torch.cat(ids), offsets, torch.tensor([label for _, label in batch])


class TextClassifier(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.embedding = nn.EmbeddingBag(len(vocab), dim, mode="mean")
        self.fc = nn.Linear(dim, 3)
        self.embedding.weight.data.uniform_(-0.5, 0.5)

    def forward(self, ids, offsets):
        return self.fc(self.embedding(ids, offsets))


train_iter = DataLoader(reviews[:3000], batch_size=16, shuffle=True, collate_fn=collate)
test_iter = DataLoader(reviews[3000:], batch_size=100, collate_fn=collate)
model = TextClassifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)

for epoch in range(10):
    model.train()
    total = 0.0
    for ids, offsets, label in train_iter:
        optimizer.zero_grad()
        loss = criterion(model(ids, offsets), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(i, o).argmax(1) == l).sum().item() for i, o, l in test_iter)
    print(f"epoch {epoch + 1} loss {total / len(train_iter):.4f} test acc {right / 500:.4f}")

print(f"RESULT test_accuracy {right / 500:.4f}")
