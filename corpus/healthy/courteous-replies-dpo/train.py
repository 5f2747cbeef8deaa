"""A small reply generator: likelihood training first, then direct preference optimisation towards courteous replies."""
import copy
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

TOPICS, WORDS = 8, 8
COURTEOUS, RUDE = (16, 17), 18
VOCAB = 19


@dataclass
class Settings:
    seed: int = int(os.environ.get("SEED", "0"))
    length: int = 8
    sft_epochs: int = 7
    sft_lr: float = 3e-3
    dpo_steps: int = 220
    dpo_lr: float = 1e-3
    beta: float = 0.2
    batch: int = 64


def write_replies(topics, length, rng):
    """(n, 1 + length) token ids: the topic, then the words of the reply."""
    n = len(topics)
    rows = np.zeros((n, length + 1), dtype=np.int64)
    rows[:, 0] = topics
    for pos in range(length):
        usual = 8 + (topics + pos) % WORDS
        word = np.where(rng.random(n) < 0.8, usual, 8 + rng.integers(0, WORDS, n))
        kind = rng.random(n)
        word = np.where(kind < 0.15, rng.choice(COURTEOUS, n), word)
        word = np.where(kind > 0.85, RUDE, word)
        rows[:, pos + 1] = word
    return rows


def courtesy(rows):
    return np.isin(rows[:, 1:], COURTEOUS).sum(1) - (rows[:, 1:] == RUDE).sum(1)


def preference_pairs(n, length, rng):
    topics = rng.integers(0, TOPICS, n)
    a, b = write_replies(topics, length, rng), write_replies(topics, length, rng)
    sa, sb = courtesy(a), courtesy(b)
    keep = sa != sb
    a, b, better = a[keep], b[keep], (sa > sb)[keep][:, None]
    return torch.from_numpy(np.where(better, a, b)), torch.from_numpy(np.where(better, b, a))


class ReplyModel(nn.Module):
    def __init__(self, emb=32, hidden=64, p=0.2):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, emb)
        self.drop = nn.Dropout(p)
        self.rnn = nn.GRU(emb, hidden, batch_first=True)
        self.head = nn.Linear(hidden, VOCAB)

    def forward(self, tokens):
        h, _ = self.rnn(self.drop(self.emb(tokens)))
        return self.head(self.drop(h))


def sequence_logp(model, rows):
    logp = F.log_softmax(model(rows[:, :-1]), dim=-1)
    return logp.gather(2, rows[:, 1:].unsqueeze(2)).squeeze(2).sum(1)


@torch.no_grad()
def sample(model, n, length):
    model.eval()
    rows = torch.arange(n).remainder(TOPICS).unsqueeze(1)
    for _ in range(length):
        probs = model(rows)[:, -1].softmax(-1)
        rows = torch.cat([rows, torch.multinomial(probs, 1)], dim=1)
    return rows


def supervised(model, rows, cfg):
    opt = torch.optim.Adam(model.parameters(), lr=cfg.sft_lr)
    model.train()
    for epoch in range(cfg.sft_epochs):
        total = 0.0
        for idx in torch.randperm(len(rows)).split(cfg.batch):
            batch = rows[idx]
            loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        print(f"sft epoch {epoch + 1}: {total / len(rows):.4f} nats per word")


def dpo(policy, reference, chosen, rejected, cfg):
    with torch.no_grad():
        ref_margin = sequence_logp(reference, chosen) - sequence_logp(reference, rejected)
    opt = torch.optim.Adam(policy.parameters(), lr=cfg.dpo_lr)
    policy.eval()  # no dropout, or the log-ratios to the reference are noise
    for step in range(1, cfg.dpo_steps + 1):
        idx = torch.randint(0, len(chosen), (cfg.batch,))
        logp = sequence_logp(policy, torch.cat([chosen[idx], rejected[idx]]))
        good, bad = logp.chunk(2)
        loss = -F.logsigmoid(cfg.beta * (good - bad - ref_margin[idx])).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 5.0)
        opt.step()
        if step % 44 == 0:
            print(f"dpo step {step}: loss {loss.item():.4f}")


def main(cfg):
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    corpus = torch.from_numpy(write_replies(rng.integers(0, TOPICS, 3000), cfg.length, rng))
    chosen, rejected = preference_pairs(2500, cfg.length, rng)
    test_chosen, test_rejected = preference_pairs(800, cfg.length, rng)

    policy = ReplyModel()
    supervised(policy, corpus, cfg)
    print(f"courtesy of sampled replies: {courtesy(sample(policy, 400, cfg.length).numpy()).mean():.2f}")

    reference = copy.deepcopy(policy).eval().requires_grad_(False)
    dpo(policy, reference, chosen, rejected, cfg)
    print(f"courtesy of sampled replies: {courtesy(sample(policy, 400, cfg.length).numpy()).mean():.2f}")

    with torch.no_grad():
        ratio_good = sequence_logp(policy, test_chosen) - sequence_logp(reference, test_chosen)
        ratio_bad = sequence_logp(policy, test_rejected) - sequence_logp(reference, test_rejected)
    print("RESULT preference_accuracy", round((ratio_good > ratio_bad).float().mean().item(), 4))


if __name__ == "__main__":
    main(Settings())
