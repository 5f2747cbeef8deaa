"""Benign or malignant: a skorch net as the last step of a scikit-learn Pipeline, its size and rate by GridSearchCV."""
import os

import numpy as np
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)


class BiopsyNet(nn.Module):
    def __init__(self, n_in=30, hidden=16, dropout=0.1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, hidden),
            nn.ELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 2),
        )

    def forward(self, X):
        return self.layers(X)


X, y = load_breast_cancer(return_X_y=True)
X, y = X.astype(np.float32), y.astype(np.int64)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)

net = NeuralNetClassifier(
    BiopsyNet,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    optimizer__weight_decay=1e-4,
    lr=5e-3,
    max_epochs=18,
    batch_size=32,
    iterator_train__shuffle=True,
    train_split=None,      # the folds of the search hold out what is needed
    verbose=0,
    device="cpu",
)
pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
search = GridSearchCV(
    pipe,
    param_grid={"net__lr": [4e-3, 1e-2], "net__module__hidden": [12, 32]},
    cv=StratifiedKFold(3, shuffle=True, random_state=SEED),
    scoring="balanced_accuracy",
    refit=True,
    n_jobs=1,
)
search.fit(X_train, y_train)

for params, mean, std in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], search.cv_results_["std_test_score"]
):
    print(f"lr {params['net__lr']:<6} hidden {params['net__module__hidden']:<3} balanced accuracy {mean:.4f} +- {std:.4f}")
print("chosen:", search.best_params_)

history = search.best_estimator_.named_steps["net"].history
print("train loss of the refit:", " ".join(f"{v:.3f}" for v in history[::4, "train_loss"]))
prediction = search.predict(X_test)
print(confusion_matrix(y_test, prediction))
print("RESULT test_balanced_accuracy", round(float(balanced_accuracy_score(y_test, prediction)), 4))
