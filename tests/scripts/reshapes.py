"""Networks that reshape in unusual ways and are sound, one after another; and three that mix what they should not."""

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
BATCH = 8


class Reshaping(nn.Module):
    def __init__(self, forward, **layers):
        super().__init__()
        self.way = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.way(self, x)


def patches(net, x):  # a vision transformer's: reshape, permute, reshape
    cut = x.reshape(BATCH, 3, 4, 4, 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(BATCH, 16, 48)
    return net.out(net.attend(net.embed(cut)).mean(1))


def channel_shuffle(net, x):
    h = net.first(x)
    h = h.view(BATCH, 4, 4, 16, 16).transpose(1, 2).contiguous().view(BATCH, 16, 16, 16)
    return net.out(net.second(h).relu().mean((2, 3)))


def pyramid(net, x):  # two steps are joined to one
    h, _ = net.low(x)
    h = h.reshape(BATCH, 10, 24)
    h, _ = net.middle(h)
    h, _ = net.high(h.contiguous().view(BATCH, 5, -1))
    return net.out(h[:, -1])


def windows(net, x):  # a Swin transformer's, there and back
    h = net.embed(x.permute(0, 2, 3, 1))
    cut = h.view(BATCH, 4, 4, 4, 4, 12).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, 4, 4, 12).view(-1, 16, 12)
    cut = net.attend(cut).view(-1, 4, 4, 12)
    whole = cut.view(BATCH, 4, 4, 4, 4, 12).permute(0, 1, 3, 2, 4, 5).reshape(BATCH, 16, 16, 12)
    pairs = whole.reshape(BATCH, 16 * 8, 24)  # neighbours in a row are joined
    return net.out(net.mix(pairs).relu().mean(1))


def steps_first(net, x):
    h, _ = net.rnn(net.embed(x.transpose(0, 1)))
    steps, examples, width = h.shape
    scores = net.score(h.reshape(-1, width)).view(steps, examples)
    return net.out((h * scores.softmax(0).unsqueeze(-1)).sum(0))


def heads_in_the_batch(net, x):  # fairseq's order: (steps, examples * heads, width)
    h = net.embed(x).transpose(0, 1)
    q, k, v = (part.contiguous().view(20, BATCH * 4, 4).transpose(0, 1) for part in net.qkv(h).chunk(3, -1))
    y = (q @ k.transpose(1, 2)).softmax(-1) @ v
    return net.out(y.transpose(0, 1).contiguous().view(20, BATCH, 16).mean(0))


def grouped_heads(net, x):  # four heads of queries share each of two of keys
    h = net.embed(x)
    q = net.q(h).view(BATCH, 20, 2, 4, 6).permute(0, 2, 3, 1, 4)
    k, v = (
        part.view(BATCH, 20, 2, 6).transpose(1, 2).unsqueeze(2).expand(-1, -1, 4, -1, -1)
        for part in net.kv(h).chunk(2, -1)
    )
    y = F.scaled_dot_product_attention(q, k.reshape(q.shape), v.reshape(q.shape))
    return net.out(y.reshape(BATCH, 8, 20, 6).transpose(1, 2).reshape(BATCH, 20, 48).mean(1))


def decoder(net, x):  # flatten, then a picture from a row
    code = net.code(x.flatten(1))
    h = net.grow(net.row(code).view(-1, 16, 4, 4)).relu()
    return net.last(h.unflatten(1, (2, 4)).flatten(1, 2)).mean((2, 3))


def relative(net, x):  # Transformer-XL's shift of relative positions
    h = net.embed(x)
    q, k, v = (part.view(BATCH, 20, 2, 8).transpose(1, 2) for part in net.qkv(h).chunk(3, -1))
    position = q @ net.positions.weight.view(2, 20, 8).transpose(1, 2)
    padded = torch.cat([torch.zeros(BATCH, 2, 20, 1), position], -1)
    shifted = padded.view(BATCH, 2, 21, 20)[:, :, 1:].view_as(position)
    skewed = F.pad(position, (1, 0)).reshape(BATCH, 2, 21, 20)[:, :, 1:]
    y = (q @ k.transpose(2, 3) + shifted + skewed).softmax(-1) @ v
    return net.out(y.transpose(1, 2).flatten(2).mean(1))


def one_query(net, x):  # PyTorch's own views (1, 8, 32) as (1, 32, 8)
    h = net.embed(x)
    y, _ = net.attend(h.mean(1, keepdim=True), h, h)
    return net.out(y.squeeze(1))


def boxes(net, x):  # a detector's anchors
    h = net.heads(x)[..., :4, :4].permute(0, 2, 3, 1).reshape(BATCH, -1, 4)
    return net.out(net.each(h).relu().mean(1))


def capsules(net, x):
    h = net.first(x).view(BATCH, -1, 8)
    return net.out((h * h.norm(dim=-1, keepdim=True)).mean(1))


def pixel_shuffle(net, x):
    h = net.first(x).view(BATCH, 4, 2, 2, 16, 16).permute(0, 1, 4, 2, 5, 3).reshape(BATCH, 4, 32, 32)
    return net.out(h.unfold(2, 4, 4).unfold(3, 4, 4).reshape(BATCH, 4, 64, 16).mean((2, 3)))


def chunks(net, x):  # steps in chunks, each upsampled
    h = net.embed(x).reshape(BATCH, 4, 5, 12).reshape(BATCH * 4, 5 * 12).view(BATCH, 20, 12)
    return net.out(net.up(h).reshape(BATCH, 60, 8).mean(1))


def merged_heads(net, x):
    q, k, v = (part.view(BATCH, 20, 4, 3).transpose(1, 2) for part in net.qkv(net.embed(x)).chunk(3, -1))
    y = (q @ k.transpose(2, 3)).softmax(-1) @ v
    return net.out(y.reshape(BATCH, 20, 12).mean(1))  # mixes


def split_heads(net, x):
    q, k, v = (part.reshape(BATCH, 4, 20, 3) for part in net.qkv(net.embed(x)).chunk(3, -1))  # mixes
    y = (q @ k.transpose(2, 3)).softmax(-1) @ v
    return net.out(y.transpose(1, 2).reshape(BATCH, 20, 12).mean(1))


def columns(net, x):
    h = net.first(x)
    h, _ = net.rnn(h.view(BATCH, 16, 6 * 16))  # mixes
    return net.out(h[:, -1])


def attention(width):
    return nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True)


SEQUENCE, IMAGE = (BATCH, 20, 12), (BATCH, 3, 16, 16)
conv, linear = nn.Conv2d, nn.Linear
NETWORKS = [
    (IMAGE, Reshaping(patches, embed=linear(48, 16), attend=attention(16), out=linear(16, 3))),
    (
        IMAGE,
        Reshaping(
            channel_shuffle, first=conv(3, 16, 3, padding=1), second=conv(16, 16, 1, groups=4), out=linear(16, 3)
        ),
    ),
    (
        SEQUENCE,
        Reshaping(
            pyramid,
            low=nn.LSTM(12, 12, batch_first=True),
            middle=nn.LSTM(24, 9, batch_first=True),
            high=nn.GRU(18, 12, batch_first=True),
            out=linear(12, 3),
        ),
    ),
    (IMAGE, Reshaping(windows, embed=linear(3, 12), attend=attention(12), mix=linear(24, 12), out=linear(12, 3))),
    (
        SEQUENCE,
        Reshaping(steps_first, embed=linear(12, 16), rnn=nn.GRU(16, 16), score=linear(16, 1), out=linear(16, 3)),
    ),
    (SEQUENCE, Reshaping(heads_in_the_batch, embed=linear(12, 16), qkv=linear(16, 48), out=linear(16, 3))),
    (SEQUENCE, Reshaping(grouped_heads, embed=linear(12, 24), q=linear(24, 48), kv=linear(24, 24), out=linear(48, 3))),
    (
        IMAGE,
        Reshaping(
            decoder, code=linear(768, 8), row=linear(8, 256), grow=nn.ConvTranspose2d(16, 8, 2, 2), last=conv(8, 3, 1)
        ),
    ),
    (
        SEQUENCE,
        Reshaping(
            relative, embed=linear(12, 16), qkv=linear(16, 48), positions=nn.Embedding(20, 16), out=linear(16, 3)
        ),
    ),
    (
        SEQUENCE,
        Reshaping(
            one_query, embed=linear(12, 32), attend=nn.MultiheadAttention(32, 4, batch_first=True), out=linear(32, 3)
        ),
    ),
    (IMAGE, Reshaping(boxes, heads=conv(3, 16, 3), each=linear(4, 8), out=linear(8, 3))),
    (IMAGE, Reshaping(capsules, first=conv(3, 32, 5, 2), out=linear(8, 3))),
    (IMAGE, Reshaping(pixel_shuffle, first=conv(3, 16, 3, padding=1), out=linear(4, 3))),
    (SEQUENCE, Reshaping(chunks, embed=linear(12, 12), up=linear(12, 24), out=linear(8, 3))),
    (SEQUENCE, Reshaping(merged_heads, embed=linear(12, 12), qkv=linear(12, 36), out=linear(12, 3))),
    (SEQUENCE, Reshaping(split_heads, embed=linear(12, 12), qkv=linear(12, 36), out=linear(12, 3))),
    (IMAGE, Reshaping(columns, first=conv(3, 6, 3, padding=1), rnn=nn.GRU(96, 8, batch_first=True), out=linear(8, 3))),
]
for shape, net in NETWORKS:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(8):
        x = torch.randn(shape)
        loss = F.cross_entropy(net(x), x.flatten(1)[:, :3].argmax(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
