import os
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Autoencoder(nn.Module):
    def __init__(self, d, code=6):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(d, 24), nn.GELU(), nn.Linear(24, code))
        self.decoder = nn.Sequential(nn.Linear(code, 24), nn.GELU(), nn.Linear(24, d))

    def forward(self, x):
        return self.decoder(self.encoder(x))


# learn what benign looks like; malignant ones are the anomalies
X, y = load_breast_cancer(return_X_y=True)
benign, malignant = X[y == 1], X[y == 0]
benign_train, benign_test = train_test_split(benign, test_size=0.3, random_state=SEED)
benign_train, benign_val = train_test_split(benign_train, test_size=0.2, random_state=SEED)
scaler = StandardScaler().fit(benign_train)


def prepare(a):
    return torch.tensor(scaler.transform(a), dtype=torch.float32).clamp(-8, 8)


train, val = prepare(benign_train), prepare(benign_val)
model = Autoencoder(X.shape[1])
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.MSELoss()
best_val, best_state, wait = float("inf"), None, 0
for epoch in range(1, 81):
    model.train()
    train_loss = 0.0
    for batch in train[torch.randperm(len(train))].split(25):
        opt.zero_grad()
        loss = loss_fn(model(batch), batch)
        loss.backward()
        opt.step()
        train_loss += loss.item() * len(batch) / len(train)
    model.eval()
    with torch.no_grad():
        val_loss = loss_fn(model(val), val).item()
    if val_loss < best_val:
        best_val, wait = val_loss, 0
        best_state = {k: v.clone() for k, v in model.state_dict().items()}
    else:
        wait += 1
    if epoch % 10 == 0:
        print(f"epoch {epoch:3d}  train {train_loss:.4f}  val {val_loss:.4f}")
    if wait >= 15:
        break

model.load_state_dict(best_state)
model.eval()
with torch.no_grad():
    test = torch.cat([prepare(benign_test), prepare(malignant)])
    score = (model(test) - test).pow(2).mean(1)
is_anomaly = [0] * len(benign_test) + [1] * len(malignant)
print("RESULT anomaly_auc", round(float(roc_auc_score(is_anomaly, score.numpy())), 4))
