import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

PHONES, LENGTH = 40, 14


class FastSpeech2Encoder(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.txt_embed = nn.Embedding(PHONES, dim)
        self.conv1 = nn.Conv1d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv1d(dim, dim, 3, padding=1)

    def forward(self, tokens):
        x = self.txt_embed(tokens).transpose(1, 2)
        x = x + F.gelu(self.conv1(x))
        x = x + F.gelu(self.conv2(x))
        return x


class Predictor(nn.Module):
    def __init__(self, dim=48, bias=0.0):
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, 3, padding=1)
        self.out = nn.Conv1d(dim, 1, 1)
        nn.init.constant_(self.out.bias, bias)

    def forward(self, h):
        return self.out(F.relu(self.conv(h))).squeeze(1)


class VarianceModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = FastSpeech2Encoder()
        self.dur_predictor = Predictor(bias=1.5)
        self.pitch_predictor = Predictor()

    def forward(self, tokens):
        h = self.encoder(tokens)
        logw = self.dur_predictor(h)
        w = torch.exp(logw.clamp(max=5.0))
        dur_pred = w
        return dur_pred, self.pitch_predictor(h)


def singing(n):
    """Phoneme strings with their length in frames and a pitch offset."""
    tables = torch.Generator().manual_seed(3)
    base = 1.0 + 1.8 * torch.rand(PHONES, generator=tables)
    context = 0.4 * torch.randn(PHONES, generator=tables)
    melody = torch.randn(PHONES, generator=tables)
    tokens = torch.randint(PHONES, (n, LENGTH))
    before = torch.roll(tokens, 1, dims=1)
    dur = torch.exp(base[tokens] + context[before] + 0.08 * torch.randn(n, LENGTH)).round().clamp(1, 60)
    pitch = melody[tokens] + 0.5 * melody[before] + 0.1 * torch.randn(n, LENGTH)
    return tokens, dur, pitch


tokens, dur_gt, pitch_gt = singing(2500)
val_tokens, val_dur, val_pitch = singing(300)
model = VarianceModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
lambda_dur, lambda_pitch = 1.0, 1.0

for epoch in range(12):
    model.train()
    sums = [0.0, 0.0]
    for idx in torch.randperm(len(tokens)).split(32):
        dur_pred, pitch_pred = model(tokens[idx])
        dur_loss = F.mse_loss(torch.log(dur_pred + 1.0), torch.log(dur_gt[idx] + 1.0))
        pitch_loss = F.mse_loss(pitch_pred, pitch_gt[idx])
        total_loss = lambda_dur * dur_loss + lambda_pitch * pitch_loss
        optimizer.zero_grad()
        total_loss.backward()
        optimizer.step()
        sums[0] += dur_loss.item() * len(idx) / len(tokens)
        sums[1] += pitch_loss.item() * len(idx) / len(tokens)
    print(f"epoch {epoch + 1}: dur_loss {sums[0]:.4f} pitch_loss {sums[1]:.4f}")

model.eval()
with torch.no_grad():
    dur_pred, pitch_pred = model(val_tokens)
    mae = (dur_pred.round() - val_dur).abs().mean().item()
print(f"validation pitch mse {F.mse_loss(pitch_pred, val_pitch).item():.4f}")
print(f"RESULT duration_mae_frames {mae:.4f}")
