import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get('SEED', 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

cfg = dict(n_way=5, k_shot=5, n_query=5, dim=32, episodes=450, lr=2e-3, eval_episodes=120, log_every=50)


def pools():
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, None]
    tr, te, ytr, yte = train_test_split(images, digits.target, test_size=0.4, stratify=digits.target, random_state=SEED)
    by_class = lambda x, y: {c: torch.from_numpy(x[y == c]) for c in range(10)}
    return by_class(tr, ytr), by_class(te, yte)


def sample_episode(pool):
    """support images, class by class, then query images, class by class"""
    k, q = cfg['k_shot'], cfg['n_query']
    support, query = [], []
    for c in rng.choice(10, size=cfg['n_way'], replace=False):
        pick = torch.from_numpy(rng.choice(len(pool[int(c)]), size=k + q, replace=False))
        support.append(pool[int(c)][pick[:k]])
        query.append(pool[int(c)][pick[k:]])
    target = torch.arange(cfg['n_way']).repeat_interleave(q)
    return torch.cat(support), torch.cat(query), target


def conv_block(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())


embed = nn.Sequential(
    conv_block(1, 16),
    conv_block(16, 32),
    nn.MaxPool2d(2),
    conv_block(32, 32),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(32 * 2 * 2, cfg['dim']),
)


def episode_logits(support, query):
    z = embed(torch.cat([support, query]))
    z_support, z_query = z[:len(support)], z[len(support):]
    prototypes = z_support.view(cfg['k_shot'], cfg['n_way'], cfg['dim']).mean(dim=0)
    dist = ((z_query[:, None, :] - prototypes[None, :, :]) ** 2).sum(-1)
    return -dist


def evaluate(pool):
    embed.eval()
    accs = []
    with torch.no_grad():
        for _ in range(cfg['eval_episodes']):
            support, query, target = sample_episode(pool)
            accs.append((episode_logits(support, query).argmax(1) == target).float().mean().item())
    embed.train()
    return float(np.mean(accs))


train_pool, test_pool = pools()
optimizer = torch.optim.Adam(embed.parameters(), lr=cfg['lr'])
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=200, gamma=0.5)

embed.train()
window = []
for step in range(1, cfg['episodes'] + 1):
    support, query, target = sample_episode(train_pool)
    loss = F.cross_entropy(episode_logits(support, query), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    window.append(loss.item())
    if step % cfg['log_every'] == 0:
        print(f'episode {step:4d}  loss {np.mean(window):.4f}')
        window.clear()

accuracy = evaluate(test_pool)
print(f'{cfg["n_way"]}-way {cfg["k_shot"]}-shot accuracy on new images: {accuracy:.4f}')
print(f'RESULT episode_accuracy {accuracy:.4f}')
