import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

TOPICS = {
    "cooking": "soup bread lunch menu dessert cook flour onion".split(),
    "travel": "train airport taxi ferry station bus ticket luggage".split(),
    "sport": "goal team coach match league score player referee".split(),
    "money": "bill refund bank fee loan tax budget credit".split(),
    "weather": "rain storm snow wind cloud frost heat fog".split(),
}
OTHER = "the a was and very quite also with for from that this they we it on in at by of so but not then".split()
VOCAB = ["[PAD]", "[CLS]", "[MASK]"] + sum(TOPICS.values(), []) + OTHER
ID = {w: i for i, w in enumerate(VOCAB)}
NAMES = list(TOPICS)
HIDDEN, LENGTH = 48, 12


def example():
    label, stray = random.sample(range(len(NAMES)), 2)
    words = random.choices(TOPICS[NAMES[label]], k=4) + [random.choice(TOPICS[NAMES[stray]])] + random.choices(OTHER, k=LENGTH - 5)
    random.shuffle(words)
    return [ID["[CLS]"]] + [ID[w] for w in words], label


def dataset(n):
    rows = [example() for _ in range(n)]
    return torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])


class Bert(nn.Module):
    def __init__(self, layers=3):
        super().__init__()
        self.word_embeddings = nn.Embedding(len(VOCAB), HIDDEN)
        self.position_embeddings = nn.Embedding(LENGTH + 1, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.dropout = nn.Dropout(0.1)
        layer = nn.TransformerEncoderLayer(HIDDEN, 4, 2 * HIDDEN, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, ids):
        x = self.word_embeddings(ids) + self.position_embeddings.weight
        return self.encoder(self.dropout(self.norm(x)))


class BertForSequenceClassification(nn.Module):
    def __init__(self, bert, num_labels):
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(HIDDEN, num_labels)

    def forward(self, ids):
        return self.classifier(self.dropout(self.bert(ids)[:, 0]))


# ---- masked words on unlabelled text -------------------------------------------------
bert = Bert()
lm_head = nn.Linear(HIDDEN, len(VOCAB))
corpus, _ = dataset(1600)
pretrain_opt = torch.optim.AdamW(list(bert.parameters()) + list(lm_head.parameters()), lr=1e-3)
for epoch in range(2):
    total = 0.0
    for b in torch.randperm(len(corpus)).split(32):
        ids = corpus[b].clone()
        hide = (torch.rand(ids.shape) < 0.2) & (ids != ID["[CLS]"])
        target = ids[hide]
        ids[hide] = ID["[MASK]"]
        loss = F.cross_entropy(lm_head(bert(ids)[hide]), target)
        pretrain_opt.zero_grad()
        loss.backward()
        pretrain_opt.step()
        total += loss.item()
    print(f"pretrain epoch {epoch + 1}: mlm loss {total / 50:.4f}")

# ---- fine-tuning ---------------------------------------------------------------------
learning_rate = 1e-3
num_epochs = 4
loader = DataLoader(TensorDataset(*dataset(1280)), batch_size=32, shuffle=True)
test_x, test_y = dataset(500)
model = BertForSequenceClassification(bert, len(NAMES))
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)

for epoch in range(num_epochs):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        logits = model(test_x)
    acc = (logits.argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / len(loader):.4f} test acc {acc:.4f}")
    print("  first logits", [[round(v, 3) for v in row] for row in logits[:3].tolist()])

print(f"RESULT test_accuracy {acc:.4f}")
