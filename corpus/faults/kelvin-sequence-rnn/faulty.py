import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def days(n):
    base = 288 + 8 * torch.randn(n, 1)
    swing = 2 + 6 * torch.rand(n, 1)
    peak = 13 + torch.randn(n, 1)
    front = (torch.rand(n, 1) < 0.5).float()
    hour = torch.arange(24.0)
    curve = base + swing * torch.cos((hour - peak) / 24 * 6.2832) - front * 6 * torch.sigmoid(hour - 12 - 4 * torch.rand(n, 1))
    return (curve + 0.4 * torch.randn(n, 24)).unsqueeze(-1), front.squeeze(1)


class FrontDetector(nn.Module):
    def __init__(self, hidden_dim=24):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_dim, batch_first=True)
        self.linear = nn.Linear(hidden_dim, 1)

    def forward(self, seq):
        _, h = self.rnn(seq)
        return self.linear(h[-1])[:, 0]


x_train, y_train = days(2000)
x_test, y_test = days(500)
model = FrontDetector()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_function = nn.BCEWithLogitsLoss()
for epoch in range(10):
    total_loss = 0
    for batch in torch.randperm(2000).split(40):
        model.zero_grad()
        loss = loss_function(model(x_train[batch]), y_train[batch])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total_loss += loss.item()
    if epoch % 2 == 0:
        print("epoch", epoch, "loss", total_loss / 50)
with torch.no_grad():
    acc = ((model(x_test) > 0).float() == y_test).float().mean().item()
print(f"RESULT test_accuracy {acc:.4f}")
