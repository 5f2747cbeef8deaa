import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 48), nn.Mish(), nn.Linear(48, 24), nn.Mish())
        self.angle = nn.Linear(24, 2)
        self.kind = nn.Linear(24, 4)

    def forward(self, x):
        h = self.trunk(x)
        return self.angle(h), self.kind(h)


def main():
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    w1, w2 = torch.randn(10, 2) / 2, torch.randn(10, 4)
    x = torch.randn(3000, 10)
    angle = torch.sin(x @ w1)
    kind = (torch.tanh(x) @ w2).argmax(1)
    loader = DataLoader(TensorDataset(x[:2400], angle[:2400], kind[:2400]), batch_size=60, shuffle=True)
    model = TwoHeads()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    reg, cls = nn.MSELoss(), nn.CrossEntropyLoss()

    for epoch in range(20):
        model.train()
        shown = torch.zeros(2)
        for xb, ab, kb in loader:
            angle_hat, kind_hat = model(xb)
            losses = [cls(kind_hat, kb), reg(angle_hat, ab)]
            weighted = torch.stack([losses[0], torch.tensor(losses[1].item()) * 2])
            loss = weighted.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            shown += weighted.detach() / len(loader)
        if epoch % 4 == 0:
            print("epoch", epoch, [round(v, 4) for v in shown.tolist()])

    model.eval()
    with torch.no_grad():
        angle_hat, kind_hat = model(x[2400:])
        r2 = 1 - (reg(angle_hat, angle[2400:]) / angle[2400:].var()).item()
        acc = (kind_hat.argmax(1) == kind[2400:]).float().mean().item()
    print(f"r2 {r2:.4f} acc {acc:.4f}")
    print(f"RESULT mean_score {(r2 + acc) / 2:.4f}")


if __name__ == "__main__":
    main()
