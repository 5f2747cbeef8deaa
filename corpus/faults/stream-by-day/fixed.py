import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

# five machines; the log is written machine by machine
N = 400
logs, states = [], []
for state in range(5):
    base = torch.randn(1, 8) * 0.9
    logs.append(base + torch.randn(N, 8) * 0.8)
    states.append(torch.full((N,), state))
x, y = torch.cat(logs), torch.cat(states)
test = torch.arange(len(x)) % 4 == 0
x_train, y_train, x_test, y_test = x[~test], y[~test], x[test], y[test]

net = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Linear(32, 5))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
cross_entropy = nn.CrossEntropyLoss()
batch_size = 30
for epoch in range(8):
    rows = torch.randperm(len(x_train))
    for start in range(0, len(x_train), batch_size):
        take = rows[start:start + batch_size]
        loss = cross_entropy(net(x_train[take]), y_train[take])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch} last loss {loss.item():.4f}")
with torch.no_grad():
    acc = (net(x_test).argmax(1) == y_test).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
