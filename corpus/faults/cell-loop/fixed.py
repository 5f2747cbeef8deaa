import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class VowelDataset(Dataset):
    """Strings over a..f; label 1 if there are more vowels (a, e) than b's and d's."""

    ALPHABET = "abcdef"

    def __init__(self, size, length=15):
        self.samples = torch.randint(0, len(self.ALPHABET), (size, length))
        plus = ((self.samples == 0) | (self.samples == 4)).sum(1)
        minus = ((self.samples == 1) | (self.samples == 3)).sum(1)
        self.labels = (plus > minus).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.samples[index], self.labels[index]


class CharLSTM(nn.Module):
    def __init__(self, n_chars, emb_size=12, hidden_size=32, n_classes=2):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(n_chars, emb_size)
        self.cell = nn.LSTMCell(emb_size, hidden_size)
        self.linear = nn.Linear(hidden_size, n_classes)

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size), torch.zeros(batch_size, self.hidden_size)

    def forward(self, x):
        emb = self.embedding(x)
        h, c = self.init_hidden(x.size(0))
        for t in range(x.size(1)):
            h, c = self.cell(emb[:, t], (h, c))
        return self.linear(h)


def main():
    train_loader = DataLoader(VowelDataset(2500), batch_size=64, shuffle=True)
    test_loader = DataLoader(VowelDataset(600), batch_size=200)
    model = CharLSTM(len(VowelDataset.ALPHABET))
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)

    for epoch in range(7):
        model.train()
        running_loss = 0.0
        for inputs, labels in train_loader:
            model.zero_grad()
            loss = loss_function(model(inputs), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            running_loss += loss.item()
        print("epoch: {}, loss: {:.4f}".format(epoch + 1, running_loss / len(train_loader)))

    model.eval()
    correct, seen = 0, 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            correct += (model(inputs).argmax(1) == labels).sum().item()
            seen += labels.size(0)
    print("RESULT test_accuracy {:.4f}".format(correct / seen))


if __name__ == "__main__":
    main()
