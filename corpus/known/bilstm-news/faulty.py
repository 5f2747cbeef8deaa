"""BiLSTM topic classifier for short news texts."""
import argparse
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

args = argparse.Namespace(hidden_size=32, embedding_length=50, lstm_dropout=0.5, batch_size=32,
                          lr=0.005, wd=0.0001, epochs=5, max_seq_len=30)

N_TOPICS, TOPIC_WORDS, COMMON_WORDS = 10, 20, 400
VOCAB = N_TOPICS * TOPIC_WORDS + COMMON_WORDS


def make_texts(n):
    label = torch.randint(0, N_TOPICS, (n,))
    topical = label[:, None] * TOPIC_WORDS + torch.randint(0, TOPIC_WORDS, (n, args.max_seq_len))
    common = N_TOPICS * TOPIC_WORDS + torch.randint(0, COMMON_WORDS, (n, args.max_seq_len))
    is_topical = torch.rand(n, args.max_seq_len) < 0.4
    return torch.where(is_topical, topical, common), label


class BiLSTM(nn.Module):
    def __init__(self, vocab_size, output_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, args.embedding_length)
        self.lstm = nn.LSTM(args.embedding_length, args.hidden_size, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(args.lstm_dropout)
        self.label = nn.Linear(2 * args.hidden_size, output_size)

    def forward(self, text):
        _, (h, _) = self.lstm(self.embedding(text))
        return self.label(self.dropout(torch.cat([h[0], h[1]], 1)))


texts, labels = make_texts(2400)
test_texts, test_labels = make_texts(600)

model = BiLSTM(VOCAB, N_TOPICS)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, weight_decay=args.wd)

for epoch in range(args.epochs):
    model.train()
    losses = []
    for idx in torch.randperm(len(texts)).split(args.batch_size):
        optimizer.zero_grad()
        loss = criterion(model(texts[idx]), labels[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        acc = (model(test_texts).argmax(1) == test_labels).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {sum(losses) / len(losses):.4f}  test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
