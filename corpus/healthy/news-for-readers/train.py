"""Which of five stories to show? Only the click on the story shown is seen."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

STORIES, TRAITS = 5, 8
ROUNDS, READERS, UPDATES, BATCH = 300, 16, 3, 64


class Readers:
    def __init__(self):
        self.taste = 0.6 * torch.randn(TRAITS, STORIES)
        self.mood = 0.5 * torch.randn(TRAITS, STORIES)

    def arrive(self, n):
        return torch.randn(n, TRAITS)

    def chance(self, who):
        return torch.sigmoid(who @ self.taste + torch.cos(who @ self.mood) - 0.5)


class Memory:
    def __init__(self, size):
        self.who = torch.zeros(size, TRAITS)
        self.story = torch.zeros(size, dtype=torch.long)
        self.click = torch.zeros(size)
        self.filled = 0

    def add(self, who, story, click):
        end = self.filled + len(who)
        self.who[self.filled:end], self.story[self.filled:end], self.click[self.filled:end] = who, story, click
        self.filled = end

    def draw(self, n):
        pick = torch.randint(0, self.filled, (n,))
        return self.who[pick], self.story[pick], self.click[pick]


class Editor:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(TRAITS, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, STORIES))
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=2e-3, weight_decay=0.01)

    @torch.no_grad()
    def choose(self, who, explore):
        best = self.net(who).argmax(1)
        any_story = torch.randint(0, STORIES, (len(who),))
        return torch.where(torch.rand(len(who)) < explore, any_story, best)

    def learn(self, who, story, click):
        shown = self.net(who).gather(1, story[:, None]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(shown, click)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()


@torch.no_grad()
def share_of_best(editor, world, who):
    chance = world.chance(who)
    got = chance.gather(1, editor.net(who).argmax(1, keepdim=True)).mean()
    return (got / chance.max(1).values.mean()).item()


world, editor = Readers(), Editor()
memory = Memory(ROUNDS * READERS)
held_out = world.arrive(2000)
chance = world.chance(held_out)
print(f"a random story gets {(chance.mean() / chance.max(1).values.mean()).item():.4f} of the best clicks")

clicks = 0.0
for r in range(1, ROUNDS + 1):
    who = world.arrive(READERS)
    story = editor.choose(who, explore=max(0.05, 0.6 * (1 - r / 150)))
    click = torch.bernoulli(world.chance(who).gather(1, story[:, None]).squeeze(1))
    memory.add(who, story, click)
    clicks += click.mean().item()
    loss = sum(editor.learn(*memory.draw(BATCH)) for _ in range(UPDATES)) / UPDATES
    if r % 50 == 0:
        print(f"round {r}: loss {loss:.4f} click rate of the last 50 rounds {clicks / 50:.4f} "
              f"share of the best {share_of_best(editor, world, held_out):.4f}")
        clicks = 0.0

print("RESULT share_of_best", round(share_of_best(editor, world, held_out), 4))
