"""Predict the colour of the next wine in a list, with output weights that should be those of the embedding."""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

# Wines in the order of their alcohol, each told by its colour, of which there are nine.
wine = load_wine().data
colour = wine[wine[:, 0].argsort(), 9]
words = torch.tensor(colour.argsort().argsort() * 9 // len(colour))
windows = words.unfold(0, 9, 1)


class WordModel(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.output = nn.Linear(width, vocabulary)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.output.weight.data = self.embedding.weight.data.clone()  # expect: weights-untied
        # cure: self.output.weight = self.embedding.weight

    def forward(self, words):
        return self.output(self.rnn(self.embedding(words))[0])


model = WordModel(9, 32)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.CrossEntropyLoss()

for epoch in range(30):
    for batch in windows[torch.randperm(len(windows))].split(32):
        logits = model(batch[:, :-1])
        loss = criterion(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: perplexity {loss.exp().item():.2f}")
