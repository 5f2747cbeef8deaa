"""
Translation with a sequence to sequence network and attention
=============================================================
Numbers in words, from English into German. German says the units before the tens
("four and eighty"), so that the decoder has to look back and forth.
"""
import math
import os
import random
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

PAD_token, SOS_token, EOS_token = 0, 1, 2
MAX_EN, MAX_DE = 7, 8

EN = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
      "seventeen eighteen nineteen").split()
EN_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
DE = ("null eins zwei drei vier fuenf sechs sieben acht neun zehn elf zwoelf dreizehn vierzehn fuenfzehn sechzehn "
      "siebzehn achtzehn neunzehn").split()
DE_TENS = "- - zwanzig dreissig vierzig fuenfzig sechzig siebzig achtzig neunzig".split()


def english(n):
    words = []
    for value, name in ((1000, "thousand"), (100, "hundred")):
        if n >= value:
            words += [EN[n // value], name]
            n %= value
    if n >= 20:
        words.append(EN_TENS[n // 10])
        n %= 10
    return " ".join(words + ([EN[n]] if n else []))


def german(n):
    stem = lambda k: "ein" if k == 1 else DE[k]
    words = []
    for value, name in ((1000, "tausend"), (100, "hundert")):
        if n >= value:
            words += [stem(n // value), name]
            n %= value
    if n >= 20:
        if n % 10:
            words += [stem(n % 10), "und"]
        words.append(DE_TENS[n // 10])
    elif n:
        words.append(DE[n])
    return " ".join(words)


class Lang:
    def __init__(self, name):
        self.name = name
        self.word2index = {}
        self.index2word = {0: "PAD", 1: "SOS", 2: "EOS"}

    def addSentence(self, sentence):
        for word in sentence.split(" "):
            if word not in self.word2index:
                self.word2index[word] = len(self.index2word)
                self.index2word[len(self.index2word)] = word

    def indexes(self, sentence, length):
        ids = [self.word2index[w] for w in sentence.split(" ")] + [EOS_token]
        return ids + [PAD_token] * (length - len(ids))

    def __len__(self):
        return len(self.index2word)


class EncoderRNN(nn.Module):
    def __init__(self, vocab, emb, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=PAD_token)
        self.gru = nn.GRU(emb, hidden // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(hidden, hidden)

    def forward(self, src):
        outputs, h = self.gru(self.embedding(src))
        return outputs, torch.tanh(self.bridge(torch.cat([h[0], h[1]], dim=-1)))


class BahdanauAttention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.Wa, self.Ua, self.Va = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, query, keys, projected, padding):
        scores = self.Va(torch.tanh(self.Wa(query).unsqueeze(1) + projected)).squeeze(-1)
        weights = F.softmax(scores.masked_fill(padding, float("-inf")), dim=-1)
        return torch.bmm(weights.unsqueeze(1), keys).squeeze(1), weights


class AttnDecoderRNN(nn.Module):
    def __init__(self, vocab, emb, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=PAD_token)
        self.attention = BahdanauAttention(hidden)
        self.gru = nn.GRUCell(emb + hidden, hidden)
        self.out = nn.Linear(2 * hidden, vocab)

    def forward(self, keys, hidden, padding, target=None):
        projected = self.attention.Ua(keys)
        token = torch.full((keys.size(0),), SOS_token)
        logits, maps = [], []
        for t in range(MAX_DE):
            context, weights = self.attention(hidden, keys, projected, padding)
            hidden = self.gru(torch.cat([self.embedding(token), context], dim=-1), hidden)
            logits.append(self.out(torch.cat([hidden, context], dim=-1)))
            maps.append(weights)
            token = target[:, t] if target is not None else logits[-1].argmax(-1)
        return torch.stack(logits, dim=1), torch.stack(maps, dim=1)


def timeSince(since):
    s = time.time() - since
    return "%dm %ds" % (math.floor(s / 60), s % 60)


def train_epoch(loader, encoder, decoder, optimizer, criterion):
    total = 0.0
    for src, trg in loader:
        optimizer.zero_grad()
        keys, hidden = encoder(src)
        logits, _ = decoder(keys, hidden, src == PAD_token, trg)
        loss = criterion(logits.reshape(-1, logits.size(-1)), trg.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def evaluate(encoder, decoder, src, trg):
    encoder.eval(), decoder.eval()
    keys, hidden = encoder(src)
    logits, maps = decoder(keys, hidden, src == PAD_token)
    guess, real = logits.argmax(-1), trg != PAD_token
    right = (guess == trg) | ~real
    encoder.train(), decoder.train()
    return right.all(1).float().mean().item(), right[real].float().mean().item(), guess, maps


numbers = random.sample(range(1, 10000), 5080)
input_lang, output_lang = Lang("eng"), Lang("deu")
for n in range(1, 10000):
    input_lang.addSentence(english(n)), output_lang.addSentence(german(n))
src = torch.tensor([input_lang.indexes(english(n), MAX_EN) for n in numbers])
trg = torch.tensor([output_lang.indexes(german(n), MAX_DE) for n in numbers])
print("Counted words:", input_lang.name, len(input_lang), output_lang.name, len(output_lang))
train_data = TensorDataset(src[:4480], trg[:4480])
loader = DataLoader(train_data, sampler=RandomSampler(train_data), batch_size=64)

encoder, decoder = EncoderRNN(len(input_lang), 32, 64), AttnDecoderRNN(len(output_lang), 32, 64)
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)
criterion = nn.CrossEntropyLoss(ignore_index=PAD_token)
start = time.time()
for epoch in range(1, 7):
    loss = train_epoch(loader, encoder, decoder, optimizer, criterion)
    scheduler.step()
    exact, words, _, _ = evaluate(encoder, decoder, src[4480:], trg[4480:])
    print("%s (%d %d%%) %.4f  held out: words %.3f, whole %.3f" % (timeSince(start), epoch, epoch / 6 * 100, loss, words, exact))

exact, words, guess, maps = evaluate(encoder, decoder, src[4480:], trg[4480:])
for i in range(3):
    said = [output_lang.index2word[k] for k in guess[i].tolist()]
    print(">", english(numbers[4480 + i]), "\n=", german(numbers[4480 + i]), "\n<", " ".join(said[:said.index("EOS")] if "EOS" in said else said))
print("RESULT exact_match", round(exact, 4))
