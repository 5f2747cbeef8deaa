import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

NUM_EMBEDDINGS = 16


def patches(images):
    p = images.reshape(len(images), 4, 2, 4, 2).transpose(0, 1, 3, 2, 4)
    return p.reshape(len(images) * 16, 4)


images = load_digits().images.astype("float32") / 16.0
train_images, val_images = train_test_split(images, test_size=0.25, random_state=seed)

# stage 1: codebook of image patches
codebook = MiniBatchKMeans(NUM_EMBEDDINGS, n_init=1, batch_size=2048, random_state=seed).fit(patches(train_images))


def quantise(imgs):
    return torch.tensor(codebook.predict(patches(imgs)), dtype=torch.long).view(len(imgs), 16)


train_codes, val_codes = quantise(train_images), quantise(val_images)


# stage 2: autoregressive prior over the codes
class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_qkv, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.to_qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out_proj(a.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.norm2(x))


class DecoderOnlyTransformer(nn.Module):
    def __init__(self, num_tokens, max_seq_len, attn_layers_dim=48, attn_layers_depth=2, attn_layers_heads=4):
        super().__init__()
        self.token_embeddings = nn.Embedding(num_tokens, attn_layers_dim)
        self.position_embeddings = nn.Embedding(max_seq_len, attn_layers_dim)
        self.blocks = nn.Sequential(*[Block(attn_layers_dim, attn_layers_heads) for _ in range(attn_layers_depth)])
        self.norm = nn.LayerNorm(attn_layers_dim)
        self.to_logits = nn.Linear(attn_layers_dim, num_tokens)

    def forward(self, x):
        pos = torch.arange(x.size(1))
        h = self.token_embeddings(x) + self.position_embeddings(pos)
        return self.to_logits(self.norm(self.blocks(h)))


class TransformerInferer:
    def __call__(self, codes, transformer):
        latent = F.pad(codes, (1, 0), value=NUM_EMBEDDINGS)
        return transformer(latent), latent

    @torch.no_grad()
    def get_likelihood(self, codes, transformer):
        latent = F.pad(codes, (1, 0), value=NUM_EMBEDDINGS)
        columns = []
        for i in range(1, latent.size(1)):
            logp = transformer(latent[:, :i])[:, -1].log_softmax(dim=-1)
            columns.append(logp.gather(1, latent[:, i:i + 1]))
        return torch.cat(columns, dim=1)


transformer = DecoderOnlyTransformer(NUM_EMBEDDINGS + 1, 17)
inferer = TransformerInferer()
optimizer = torch.optim.Adam(transformer.parameters(), lr=2e-3)
ce_loss = nn.CrossEntropyLoss()

for epoch in range(14):
    transformer.train()
    epoch_loss = 0.0
    order = torch.randperm(len(train_codes)).split(64)
    for idx in order:
        logits, target = inferer(train_codes[idx], transformer)
        loss = ce_loss(logits[:, :-1].transpose(1, 2), target[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch + 1:2d}  ce loss {epoch_loss / len(order):.4f}")

transformer.eval()
log_likelihood = inferer.get_likelihood(val_codes, transformer)
print("log-likelihood of the held-out images, mean per image:", round(log_likelihood.sum(1).mean().item(), 2))
print(f"RESULT val_nll_per_code {-log_likelihood.mean().item():.4f}")
