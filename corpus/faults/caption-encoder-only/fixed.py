import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

VOCAB, LENGTH = 9, 4
# a scene is a vector with a shape, a colour and a place; the caption names them and ends
shapes, colours, places = torch.randn(3, 10), torch.randn(3, 10), torch.randn(2, 10)


def scenes(n):
    s, c, p = torch.randint(0, 3, (n,)), torch.randint(0, 3, (n,)), torch.randint(0, 2, (n,))
    vec = shapes[s] + colours[c] + places[p] + 0.2 * torch.randn(n, 10)
    caption = torch.stack([c, 3 + s, 6 + p, torch.full((n,), 8)], 1)
    return vec, caption


class EncoderNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc = nn.Linear(10, hidden)

    def forward(self, v):
        return torch.tanh(self.fc(v)).unsqueeze(0)


class DecoderNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embed = nn.Embedding(VOCAB + 1, 12)
        self.gru = nn.GRU(12, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, VOCAB)

    def forward(self, state, caption):
        start = torch.full((len(caption), 1), VOCAB)
        o, _ = self.gru(self.embed(torch.cat([start, caption[:, :-1]], 1)), state)
        return self.linear(o)


encoder, decoder = EncoderNet(32), DecoderNet(32)
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = torch.optim.Adam(params, lr=5e-3)
criterion = nn.CrossEntropyLoss()
total_step = 500
for step in range(total_step):
    vec, caption = scenes(64)
    logits = decoder(encoder(vec), caption)
    loss = criterion(logits.flatten(0, 1), caption.flatten())
    encoder.zero_grad()
    decoder.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print("Step [{}/{}], Loss: {:.4f}, Perplexity: {:5.4f}".format(step, total_step, loss.item(), loss.exp().item()))

with torch.no_grad():
    vec, caption = scenes(1000)
    acc = (decoder(encoder(vec), caption).argmax(-1) == caption).float().mean().item()
print(f"RESULT token_accuracy {acc:.4f}")
