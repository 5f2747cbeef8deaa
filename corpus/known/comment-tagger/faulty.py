import os
import random
from collections import Counter

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

SYLLABLES = ["ka", "ro", "mi", "ten", "sul", "bar", "lo", "vin", "da", "pex"]
WORDS = [a + b for a in SYLLABLES for b in SYLLABLES]
random.shuffle(WORDS)
PRAISE, BLAME, FILLER = WORDS[:25], WORDS[25:50], WORDS[50:]


def write_comment():
    label = random.randint(0, 1)
    words = [random.choice(FILLER) for _ in range(8)]
    words += [random.choice(PRAISE if label else BLAME) for _ in range(4)]
    random.shuffle(words)
    return " ".join(words), label


class Tokenizer:
    def __init__(self, num_words):
        self.num_words = num_words
        self.word_counts = Counter()
        self.word_index = {}

    def fit_on_texts(self, texts):
        for text in texts:
            self.word_counts.update(text.split())
        ranked = [w for w, _ in self.word_counts.most_common(self.num_words - 1)]
        self.word_index = {w: i + 1 for i, w in enumerate(ranked)}

    def texts_to_sequences(self, texts):
        return [[self.word_index[w] for w in t.split() if w in self.word_index] for t in texts]


def pad_sequences(sequences, maxlen):
    padded = torch.zeros(len(sequences), maxlen, dtype=torch.long)
    for i, s in enumerate(sequences):
        padded[i, :len(s)] = torch.tensor(s[:maxlen])
    return padded


class Tagger(nn.Module):
    def __init__(self, num_words, dim=16):
        super().__init__()
        self.embedding = nn.Embedding(num_words, dim, padding_idx=0)
        self.hidden = nn.Linear(dim, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, tokens):
        pooled = self.embedding(tokens).mean(dim=1)
        return self.out(torch.relu(self.hidden(pooled))).squeeze(1)


NUM_WORDS, MAXLEN = 120, 12
comments = [write_comment() for _ in range(1500)]
train, test = comments[:1200], comments[1200:]

tokenizer = Tokenizer(NUM_WORDS)
tokenizer.fit_on_texts([t for t, _ in train])
x_train = pad_sequences(tokenizer.texts_to_sequences([t for t, _ in train]), MAXLEN)
y_train = torch.tensor([l for _, l in train], dtype=torch.float32)

model = Tagger(NUM_WORDS)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(20):
    model.train()
    total, hits = 0.0, 0
    for idx in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        logits = model(x_train[idx])
        loss = criterion(logits, y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
        hits += ((logits > 0).float() == y_train[idx]).sum().item()
    if (epoch + 1) % 2 == 0:
        print(f"Epoch {epoch + 1}/20 - loss: {total / len(x_train):.4f} - acc: {hits / len(x_train):.4f}")


def predict(texts):
    tokenizer = Tokenizer(NUM_WORDS)
    tokenizer.fit_on_texts(texts)
    sequences = pad_sequences(tokenizer.texts_to_sequences(texts), MAXLEN)
    model.eval()
    with torch.no_grad():
        return (model(sequences) > 0).long().tolist()


predictions = predict([t for t, _ in test])
accuracy = sum(p == l for p, (_, l) in zip(predictions, test)) / len(test)
print(f"RESULT test_accuracy {accuracy:.4f}")
