"""Tell zeros from ones, read four pixels at a time by a plain ReLU recurrence, the gradient unclipped."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(n_class=2, return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 16, 4)
y = torch.tensor(labels)

rnn = nn.RNN(4, 32, nonlinearity="relu", batch_first=True)
nn.init.eye_(rnn.weight_hh_l0)
head = nn.Linear(32, 2)
parameters = [*rnn.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1)
criterion = nn.CrossEntropyLoss()

for step in range(150):
    batch = torch.randint(len(x), (64,))
    outputs, _ = rnn(x[batch])
    loss = criterion(head(outputs[:, -1]), y[batch])
    optimizer.zero_grad()
    loss.backward()  # expect: exploding-gradients
    # cure: loss.backward()
    # cure: nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

accuracy = (head(rnn(x)[0][:, -1]).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
