import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

WHO = "romeo juliet tybalt hamlet ophelia macbeth".split()
DOES = "loves fears follows praises forgets mourns".split()
HOW = "gentle noble bitter silent cruel faithful".split()
WHAT = "queen prince sword crown garden stranger".split()
WHEN = "tonight again forever tomorrow".split()
LEXICON = set(WHO + DOES + HOW + WHAT + WHEN + ["the"])


def line():
    return f"{random.choice(WHO)} {random.choice(DOES)} the {random.choice(HOW)} {random.choice(WHAT)} {random.choice(WHEN)}. "


text = "".join(line() for _ in range(640))
chars = sorted(set(text))
char_to_id = {c: i for i, c in enumerate(chars)}


def encode(s):
    return torch.tensor([char_to_id[c] for c in s])


batch_size, window = 32, 25
ids = encode(text)
n = (len(ids) - 1) // batch_size
inputs = ids[:n * batch_size].view(batch_size, n)
targets = ids[1:n * batch_size + 1].view(batch_size, n)


class StatefulCharModel(nn.Module):
    def __init__(self, vocab_size, embed_dim=16, hidden_dim=64):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, embed_dim)
        self.gru = nn.GRU(embed_dim, hidden_dim, batch_first=True)
        self.output = nn.Linear(hidden_dim, vocab_size)
        self.hidden_states = None

    def forward(self, x):
        out, hidden_states = self.gru(self.embed(x), self.hidden_states)
        self.hidden_states = hidden_states.detach()
        return self.output(out)


model = StatefulCharModel(len(chars))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(10):
    model.train()
    model.hidden_states = None
    total, steps = 0.0, 0
    for i in range(0, n - window + 1, window):
        logits = model(inputs[:, i:i + window])
        loss = F.cross_entropy(logits.flatten(0, 1), targets[:, i:i + window].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        steps += 1
    print(f"epoch {epoch + 1:2d}: loss {total / steps:.4f}")


def next_char(model, text, temperature):
    with torch.no_grad():
        logits = model(encode(text).unsqueeze(0))[0, -1]
        probas = F.softmax(logits / temperature, dim=-1)
    return chars[torch.multinomial(probas, 1).item()]


def extend_text(model, text, n_chars=100, temperature=0.5):
    rnn_input = text
    for _ in range(n_chars):
        model.hidden_states = None
        char = next_char(model, rnn_input, temperature)
        text += char
        rnn_input = char
    return text


model.eval()
good = total = 0
for who in WHO + WHO:
    seed_text = f"{who} "
    written = extend_text(model, seed_text)
    words = [w.strip(".") for w in written[len(seed_text):].split()[:-1]]
    good += sum(w in LEXICON for w in words)
    total += len(words)
    print(written)

print(f"RESULT real_word_share {good / max(total, 1):.4f}")
