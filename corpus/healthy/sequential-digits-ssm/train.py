'''
Sequential digits, pixel by pixel, with a small diagonal state space model.

The state is complex and diagonal; its impulse response is written out in real numbers and applied by FFT.
State parameters get a rate of their own and no weight decay.
'''
import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)

parser = argparse.ArgumentParser(description="State space model on sequential digits")
parser.add_argument("--lr", default=6e-3, type=float)
parser.add_argument("--ssm_lr", default=4e-3, type=float)
parser.add_argument("--weight_decay", default=0.01, type=float)
parser.add_argument("--epochs", default=7, type=int)
parser.add_argument("--batch_size", default=32, type=int)
parser.add_argument("--n_layers", default=2, type=int)
parser.add_argument("--d_model", default=32, type=int)
parser.add_argument("--n_state", default=8, type=int)
args = parser.parse_args()

seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)


class DiagonalSSM(nn.Module):
    def __init__(self, d_model, n_state, dt_min=0.01, dt_max=0.14, lr=None):
        super().__init__()
        span = torch.log(torch.tensor([dt_min, dt_max]))
        self.log_dt = nn.Parameter(span[0] + torch.rand(d_model) * (span[1] - span[0]))
        self.log_decay = nn.Parameter(torch.full((d_model, n_state), 0.5).log())
        self.freq = nn.Parameter(torch.pi * torch.arange(n_state, dtype=torch.float32).repeat(d_model, 1))
        self.c_re = nn.Parameter(torch.randn(d_model, n_state) * 0.7)
        self.c_im = nn.Parameter(torch.randn(d_model, n_state) * 0.7)
        self.skip = nn.Parameter(torch.randn(d_model))
        for p in (self.log_dt, self.log_decay, self.freq):
            p.special = {"lr": lr, "weight_decay": 0.0}

    def kernel(self, length):
        dt = self.log_dt.exp()[:, None, None]
        t = dt * torch.arange(length)                                       # (H, 1, L)
        envelope = torch.exp(-self.log_decay.exp()[..., None] * t)          # (H, N, L)
        phase = self.freq[..., None] * t
        wave = self.c_re[..., None] * torch.cos(phase) - self.c_im[..., None] * torch.sin(phase)
        return 2 * dt[..., 0] * (envelope * wave).sum(dim=1)                # (H, L)

    def forward(self, u):                                                   # (B, H, L)
        L = u.size(-1)
        k_f = torch.fft.rfft(self.kernel(L), n=2 * L)
        u_f = torch.fft.rfft(u, n=2 * L)
        y = torch.fft.irfft(u_f * k_f, n=2 * L)[..., :L]                    # causal convolution
        return y + u * self.skip[:, None]


class SSMBlock(nn.Module):
    def __init__(self, d_model, n_state, lr):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.ssm = DiagonalSSM(d_model, n_state, lr=lr)
        self.output = nn.Linear(d_model, 2 * d_model)

    def forward(self, x):                                                   # (B, L, H)
        z = self.ssm(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + F.glu(self.output(F.gelu(z)), dim=-1)


class SequenceModel(nn.Module):
    def __init__(self, d_input, d_output, d_model, n_layers, n_state, lr):
        super().__init__()
        self.encoder = nn.Linear(d_input, d_model)
        self.blocks = nn.ModuleList(SSMBlock(d_model, n_state, lr) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)
        self.pool = nn.AdaptiveAvgPool1d(4)
        self.decoder = nn.Linear(4 * d_model, d_output)

    def forward(self, x):
        x = self.encoder(x)
        for block in self.blocks:
            x = block(x)
        return self.decoder(self.pool(self.norm(x).transpose(1, 2)).flatten(1))


def setup_optimizer(model, lr, weight_decay, epochs):
    ordinary = [p for p in model.parameters() if not hasattr(p, "special")]
    special = [p for p in model.parameters() if hasattr(p, "special")]
    optimizer = optim.AdamW(ordinary, lr=lr, weight_decay=weight_decay)
    optimizer.add_param_group({"params": special, **special[0].special})
    for i, g in enumerate(optimizer.param_groups):
        print(f"Optimizer group {i} | {len(g['params'])} tensors | lr {g['lr']} | weight_decay {g['weight_decay']}")
    return optimizer, optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)


print("==> Preparing data..")
pixels, target = load_digits(return_X_y=True)
sequences = torch.tensor(pixels, dtype=torch.float32).unsqueeze(-1)         # (N, 64, 1)
sequences = (sequences - 4.9) / 6.0
full = TensorDataset(sequences, torch.tensor(target, dtype=torch.long))
trainset, valset, testset = random_split(full, [1297, 140, 360], generator=torch.Generator().manual_seed(seed))
trainloader = DataLoader(trainset, batch_size=args.batch_size, shuffle=True)
valloader = DataLoader(valset, batch_size=140)
testloader = DataLoader(testset, batch_size=180)

print("==> Building model..")
model = SequenceModel(1, 10, args.d_model, args.n_layers, args.n_state, args.ssm_lr)
criterion = nn.CrossEntropyLoss()
optimizer, scheduler = setup_optimizer(model, args.lr, args.weight_decay, args.epochs)


def train():
    model.train()
    train_loss, correct, total = 0.0, 0, 0
    for inputs, targets in trainloader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
        correct += outputs.argmax(1).eq(targets).sum().item()
        total += targets.size(0)
    return train_loss / len(trainloader), correct / total


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        hits = [(model(inputs).argmax(1) == targets) for inputs, targets in loader]
    return torch.cat(hits).float().mean().item()


for epoch in range(args.epochs):
    loss, acc = train()
    print(f"Epoch: {epoch} | lr {scheduler.get_last_lr()[0]:.5f} | Loss: {loss:.3f} | Train acc: {acc:.4f} | Val acc: {evaluate(valloader):.4f}")
    scheduler.step()

print("RESULT test_accuracy", round(evaluate(testloader), 4))
