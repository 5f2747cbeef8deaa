"""Look up the value of a key by attention whose scores are multiplied by the root of their dimension."""

import torch
from torch import nn

torch.manual_seed(0)

keys, values, places, width = 12, 8, 6, 64
key_codes, query_codes, value_codes = (nn.Embedding(n, width) for n in (keys, keys, values))
to_query, head = nn.Linear(width, width, bias=False), nn.Linear(width, values)
layers = nn.ModuleList([key_codes, query_codes, value_codes, to_query, head])
optimizer = torch.optim.Adam(layers.parameters(), lr=0.002)

for _ in range(300):
    shown = torch.stack([torch.randperm(keys)[:places] for _ in range(64)])
    held, asked = torch.randint(0, values, (64, places)), torch.randint(0, places, (64,))
    query = to_query(query_codes(shown[torch.arange(64), asked]))
    scores = torch.einsum("bd,bpd->bp", query, key_codes(shown)) * width**0.5
    mixed = torch.einsum("bp,bpd->bd", torch.softmax(scores, dim=1), value_codes(held))  # expect: saturated-activations
    optimizer.zero_grad()
    nn.functional.cross_entropy(head(mixed), held[torch.arange(64), asked]).backward()
    optimizer.step()
