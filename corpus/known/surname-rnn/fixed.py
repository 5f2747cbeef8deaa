import os
import random

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

all_letters = "abcdefghijklmnopqrstuvwxyz"
n_letters = len(all_letters) + 1
MAX_LEN = 10


def italian():
    stem = "".join(random.choice("bcdfglmnprstv") + random.choice("aeio") for _ in range(2))
    return stem + random.choice(["ni", "lli", "tti", "ro", "cci", "sso"])


def russian():
    stem = random.choice("bdgklmnprstvz") + random.choice("aeou") + random.choice("klmnrtv")
    return stem + random.choice(["ov", "ev", "in", "sky", "enko", "yov"])


def japanese():
    return "".join(random.choice("khmnstyw") + random.choice("aiou") for _ in range(2)) + random.choice(
        ["moto", "yama", "kawa", "da", "shi", "mura"]
    )


def german():
    stem = random.choice(["sch", "k", "b", "w", "h", "st"]) + random.choice("aeiou") + random.choice("lmnrt")
    return stem + random.choice(["er", "mann", "berg", "tz", "ke", "bach"])


all_categories = ["Italian", "Russian", "Japanese", "German"]
makers = [italian, russian, japanese, german]


def line_to_tensor(line):
    tensor = torch.zeros(MAX_LEN, n_letters)
    line = line[-MAX_LEN:].rjust(MAX_LEN, ".")
    for li, letter in enumerate(line):
        tensor[li][all_letters.find(letter) if letter != "." else n_letters - 1] = 1
    return tensor


def make_set(n):
    labels = [random.randrange(4) for _ in range(n)]
    lines = torch.stack([line_to_tensor(makers[c]()) for c in labels], dim=1)
    return lines, torch.tensor(labels)


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(input_size + hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        output = self.softmax(self.i2o(combined))
        return output, hidden

    def init_hidden(self, n):
        return torch.zeros(n, self.hidden_size)


n_hidden = 64
learning_rate = 0.1
rnn = RNN(n_letters, n_hidden, len(all_categories))
optimizer = torch.optim.SGD(rnn.parameters(), lr=learning_rate)
criterion = nn.NLLLoss()


def train(category_tensor, line_tensor):
    optimizer.zero_grad()
    hidden = rnn.init_hidden(line_tensor.size(1))
    for i in range(line_tensor.size(0)):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, category_tensor)
    loss.backward()
    optimizer.step()
    return loss.item()


def evaluate(line_tensor):
    hidden = rnn.init_hidden(line_tensor.size(1))
    with torch.no_grad():
        for i in range(line_tensor.size(0)):
            output, hidden = rnn(line_tensor[i], hidden)
    return output


train_lines, train_categories = make_set(1600)
test_lines, test_categories = make_set(400)

for epoch in range(1, 16):
    current_loss = 0.0
    for idx in torch.randperm(len(train_categories)).split(20):
        current_loss += train(train_categories[idx], train_lines[:, idx]) * len(idx)
    print(f"epoch {epoch:2d}  loss {current_loss / len(train_categories):.4f}")

accuracy = (evaluate(test_lines).argmax(1) == test_categories).float().mean().item()
print(f"RESULT test_accuracy {accuracy:.4f}")
