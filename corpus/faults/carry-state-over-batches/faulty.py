import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
BATCH = 50


def brackets(n, length=12):
    """Is the number of opening marks larger than the number of closing ones?"""
    x = torch.randint(0, 4, (n, length))
    diff = (x == 1).sum(1) - (x == 2).sum(1)
    return x, (diff > 0).long()


class Tagger(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden_size = hidden
        self.emb = nn.Embedding(4, 8)
        self.rnn = nn.GRU(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 2)

    def init_hidden(self, n):
        return torch.zeros(1, n, self.hidden_size)

    def forward(self, x, state):
        y, state = self.rnn(self.emb(x), state)
        return self.head(y[:, -1]), state


model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
x, y = brackets(2000)
x_val, y_val = brackets(1000)
for epoch in range(7):
    model.train()
    total = 0.0
    state = model.init_hidden(BATCH)
    for idx in torch.randperm(2000).split(BATCH):
        out, state = model(x[idx], state.detach())
        loss = nn.functional.cross_entropy(out, y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 40
    if epoch % 2 == 0:
        print(f"epoch {epoch} loss {total:.4f}")
model.eval()
with torch.no_grad():
    acc = (model(x_val, model.init_hidden(1000))[0].argmax(1) == y_val).float().mean().item()
print(f"RESULT val_accuracy {acc:.4f}")
