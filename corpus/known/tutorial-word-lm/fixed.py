import math
import os
import random

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

# ---- corpus: proverbs of a small language, told one after the other ---------------
WORDS = "ba du ki lo me na pu ri sa to va we xi yo za che fla gri klo pre sto tri dro bli".split()
PROVERBS = [random.sample(WORDS, 7) + ["."] for _ in range(20)]
VOCAB = WORDS + ["."]
ID = {w: i for i, w in enumerate(VOCAB)}


def tell(n):
    return torch.tensor([ID[w] for _ in range(n) for w in random.choice(PROVERBS)])


def batchify(data, bsz):
    seq_len = data.size(0) // bsz
    return data[:seq_len * bsz].view(bsz, seq_len).t().contiguous()


train_ids, val_ids = tell(1200), tell(100)
train_data, val_data = batchify(train_ids, 20), batchify(val_ids, 10)
bptt = 16


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len].reshape(-1)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=500):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[:x.size(0)])


class TransformerModel(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, dropout=0.1):
        super().__init__()
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        encoder_layers = nn.TransformerEncoderLayer(d_model, nhead, d_hid, dropout)
        self.transformer_encoder = nn.TransformerEncoder(encoder_layers, nlayers, enable_nested_tensor=False)
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self):
        initrange = 0.1
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-initrange, initrange)

    def forward(self, src):
        src = self.embedding(src) * math.sqrt(self.d_model)
        src = self.pos_encoder(src)
        output = self.transformer_encoder(src, nn.Transformer.generate_square_subsequent_mask(len(src)))
        return self.linear(output)


model = TransformerModel(len(VOCAB), d_model=64, nhead=4, d_hid=128, nlayers=2, dropout=0.1)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.95)


def evaluate(source):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i)
            output = model(data).view(-1, len(VOCAB))
            total += len(data) * criterion(output, targets).item()
    return total / (len(source) - 1)


def next_word_accuracy(ids):
    """Show the model the first n words of a text and let it say the word that follows."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for n in (4, 6, 8, 10, 12):
            starts = range(0, len(ids) - n, 3)
            prompt = torch.stack([ids[s:s + n] for s in starts], dim=1)
            follows = torch.stack([ids[s + n] for s in starts])
            guess = model(prompt)[-1].argmax(dim=-1)
            right += (guess == follows).sum().item()
            total += len(follows)
    return right / total


for epoch in range(1, 13):
    model.train()
    total, batches = 0.0, 0
    for i in range(0, train_data.size(0) - 1, bptt):
        data, targets = get_batch(train_data, i)
        loss = criterion(model(data).view(-1, len(VOCAB)), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total += loss.item()
        batches += 1
    scheduler.step()
    val_loss = evaluate(val_data)
    print(f"| end of epoch {epoch:2d} | train loss {total / batches:5.2f} | valid loss {val_loss:5.2f} | valid ppl {math.exp(val_loss):6.2f}")

print(f"RESULT next_word_accuracy {next_word_accuracy(val_ids):.4f}")
