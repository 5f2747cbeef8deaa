"""Which header byte opened the message? Hand-written LSTM so that I can change the gates later."""
import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

VOCAB, HEADERS, LENGTH = 12, 4, 30


def messages(n):
    head = torch.randint(0, HEADERS, (n,))
    body = torch.randint(HEADERS, VOCAB, (n, LENGTH - 1))
    return torch.cat([head[:, None], body], 1), head


class GateLSTM(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.x2g = nn.Linear(n_in, 4 * n_hid)
        self.h2g = nn.Linear(n_hid, 4 * n_hid, bias=False)
        with torch.no_grad():
            nn.init.orthogonal_(self.h2g.weight)
            self.x2g.bias.zero_()
            self.x2g.bias[:n_hid] = 4.0                 # in | forget | cell | out
            self.x2g.bias[n_hid:2 * n_hid] = -1.0

    def forward(self, seq):
        h = seq.new_zeros(seq.size(0), self.n_hid)
        c = torch.zeros_like(h)
        drive = self.x2g(seq)
        for t in range(seq.size(1)):
            i, f, g, o = (drive[:, t] + self.h2g(h)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


class HeaderReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 16)
        self.rnn = GateLSTM(16, 32)
        self.out = nn.Linear(32, HEADERS)

    def forward(self, tokens):
        return self.out(self.rnn(self.emb(tokens)))


net = HeaderReader()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
lossf = nn.CrossEntropyLoss()
val_x, val_y = messages(300)

smooth = None
for it in range(1, 101):
    net.train()
    xb, yb = messages(64)
    loss = lossf(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
    if it % 20 == 0:
        net.eval()
        with torch.no_grad():
            acc = (net(val_x).argmax(1) == val_y).float().mean().item()
        print("iter", it, "loss", round(smooth, 4), "val acc", round(acc, 4))

print("RESULT val_accuracy", round(acc, 4))
