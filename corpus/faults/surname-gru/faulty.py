import os
import random
import torch
import torch.nn as nn

seed = int(os.environ.get("SEED", 0))
random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

SYLLABLES = {
    "north": ["bjo", "sen", "gaar", "dahl", "holm", "rik", "stro", "lund"],
    "south": ["ci", "ello", "ari", "ono", "ucci", "ande", "rossa", "ini"],
    "east": ["ov", "ska", "yev", "vich", "dim", "ko", "chuk", "na"],
    "west": ["mac", "ley", "ton", "ford", "son", "well", "by", "har"],
}
LANGS = sorted(SYLLABLES)
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def surname():
    lang = random.choice(LANGS)
    parts = random.choices(SYLLABLES[lang], k=2)
    if random.random() < 0.35:
        parts.insert(1, random.choice(SYLLABLES[random.choice(LANGS)]))
    return "".join(parts), LANGS.index(lang)


def encode(names):
    width = max(map(len, names))
    return torch.tensor([[26] * (width - len(n)) + [ALPHABET.index(c) for c in n] for n in names])


class CharGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(27, 16)
        self.gru = nn.GRU(16, 48, batch_first=True)
        self.decoder = nn.Linear(48, len(LANGS))

    def forward(self, x):
        _, hidden = self.gru(self.embed(x))
        output = self.decoder(hidden[-1])
        return output


rnn = CharGRU()
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(rnn.parameters(), lr=3e-3)
n_iters, current_loss = 600, 0.0
for it in range(1, n_iters + 1):
    names, targets = zip(*[surname() for _ in range(32)])
    loss = criterion(rnn(encode(names)), torch.tensor(targets))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    current_loss += loss.item()
    if it % 60 == 0:
        print("%d %d%% %.4f" % (it, it / n_iters * 100, current_loss / 60))
        current_loss = 0.0

names, targets = zip(*[surname() for _ in range(1000)])
with torch.no_grad():
    guess = rnn(encode(names)).argmax(1)
print("RESULT accuracy %.4f" % (guess == torch.tensor(targets)).float().mean().item())
