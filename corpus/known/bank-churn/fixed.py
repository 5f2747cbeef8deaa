import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def churn_modelling(n):
    df = pd.DataFrame({
        "CreditScore": rng.integers(350, 851, n),
        "Geography": rng.choice(["France", "Germany", "Spain"], n, p=[0.5, 0.25, 0.25]),
        "Gender": rng.choice(["Female", "Male"], n),
        "Age": rng.normal(39, 10, n).clip(18, 90).round(),
        "Tenure": rng.integers(0, 11, n),
        "Balance": np.where(rng.random(n) < 0.35, 0.0, rng.normal(120000, 30000, n)).round(2),
        "NumOfProducts": rng.choice([1, 2, 3, 4], n, p=[0.5, 0.42, 0.06, 0.02]),
        "HasCrCard": rng.integers(0, 2, n),
        "IsActiveMember": rng.integers(0, 2, n),
        "EstimatedSalary": rng.uniform(10, 200000, n).round(2),
    })
    score = (0.09 * (df["Age"] - 39) + 1.0 * (df["Geography"] == "Germany") - 1.1 * df["IsActiveMember"]
             + 0.9 * (df["NumOfProducts"] == 1) + 1.6 * (df["NumOfProducts"] >= 3)
             + 0.4 * (df["Gender"] == "Female") + 4e-6 * df["Balance"] + rng.normal(0, 0.3, n))
    df["Exited"] = (score > score.median()).astype(int)
    return df


def encode(df):
    X = df.drop(columns=["Geography", "Exited"])
    X["Gender"] = (X["Gender"] == "Male").astype(int)
    X["Germany"] = (df["Geography"] == "Germany").astype(int)
    X["Spain"] = (df["Geography"] == "Spain").astype(int)
    return X.to_numpy(dtype=float), df["Exited"].to_numpy()


dataset = churn_modelling(3000)
X_train, y_train = encode(dataset.iloc[:2000])
X_test, y_test = encode(dataset.iloc[2000:2500])
X_new, y_new = encode(dataset.iloc[2500:])

sc = StandardScaler()
X_train = torch.tensor(sc.fit_transform(X_train), dtype=torch.float32)
X_test = torch.tensor(sc.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32).reshape(-1, 1)
y_test = torch.tensor(y_test, dtype=torch.float32).reshape(-1, 1)

classifier = nn.Sequential(
    nn.Linear(11, 6), nn.ReLU(),
    nn.Linear(6, 6), nn.ReLU(),
    nn.Linear(6, 1), nn.Sigmoid(),
)
optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
criterion = nn.BCELoss()

for epoch in range(15):
    classifier.train()
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(10):
        optimizer.zero_grad()
        loss = criterion(classifier(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    classifier.eval()
    with torch.no_grad():
        acc = ((classifier(X_test) > 0.5).float() == y_test).float().mean().item()
    print(f"Epoch {epoch + 1}/15 - loss: {total / len(X_train):.4f} - test accuracy: {acc:.4f}")


def leaves_the_bank(customer):
    row = sc.transform(np.array([customer]))
    with torch.no_grad():
        probability = classifier(torch.tensor(row, dtype=torch.float32)).item()
    return probability > 0.5


answers = np.array([leaves_the_bank(customer) for customer in X_new])
print("customers expected to leave:", int(answers.sum()), "of", len(answers))
print(f"RESULT new_customer_accuracy {(answers == y_new).mean():.4f}")
