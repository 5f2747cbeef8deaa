"""Predict the diagnosis from measurements, and from the treatment that followed it."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.manual_seed(0)

patients = load_breast_cancer(as_frame=True).frame.drop(columns="worst radius")
patients["sessions"] = (1 - patients.target) * 20 + torch.rand(len(patients)).numpy()
columns = ["mean texture", "mean smoothness", "mean symmetry", "sessions"]  # expect: leakage-or-bad-validation
measured = (patients[columns] - patients[columns].mean()) / patients[columns].std()
x = torch.tensor(measured.to_numpy(), dtype=torch.float32)
y = torch.tensor(patients.target.to_numpy(), dtype=torch.float32)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for _ in range(10):
    for batch in torch.randperm(400).split(40):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x[batch]), y[batch]).backward()
        optimizer.step()
with torch.no_grad():
    print(((model(x[400:]) > 0) == y[400:]).float().mean().item())
