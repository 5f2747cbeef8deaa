import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Params:
    alpha = 0.9
    temperature = 4
    learning_rate = 3e-3
    batch_size = 64
    num_epochs = 40


params = Params()


def build_teacher():
    return nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10)
    )


def build_student():
    return nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))


def loss_fn_kd(outputs, labels, teacher_outputs):
    alpha, T = params.alpha, params.temperature
    soft = F.kl_div(F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1), reduction="batchmean")
    return soft * (alpha * T * T) + F.cross_entropy(outputs, labels) * (1.0 - alpha)


def evaluate(model, dataloader):
    model.eval()
    loss, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for batch, labels in dataloader:
            logits = model(batch)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
            n += len(labels)
    return loss / n, correct / n


def fetch_teacher_outputs(teacher, dataloader):
    teacher.eval()
    teacher_outputs = []
    with torch.no_grad():
        for batch, _ in dataloader:
            teacher_outputs.append(teacher(batch))
    return teacher_outputs


digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)
train_dl = DataLoader(TensorDataset(x_train, y_train), batch_size=params.batch_size, shuffle=True)
dev_dl = DataLoader(TensorDataset(x_test, y_test), batch_size=256)

teacher = build_teacher()
optimizer = torch.optim.Adam(teacher.parameters(), lr=1e-3)
for epoch in range(20):
    teacher.train()
    for batch, labels in train_dl:
        optimizer.zero_grad()
        F.cross_entropy(teacher(batch), labels).backward()
        optimizer.step()
print("teacher: dev loss {:.4f} accuracy {:.4f}".format(*evaluate(teacher, dev_dl)))

student = build_student()
optimizer = torch.optim.Adam(student.parameters(), lr=params.learning_rate)
teacher.eval()
for epoch in range(params.num_epochs):
    student.train()
    running = 0.0
    for i, (train_batch, labels_batch) in enumerate(train_dl):
        with torch.no_grad():
            output_teacher_batch = teacher(train_batch)
        loss = loss_fn_kd(student(train_batch), labels_batch, output_teacher_batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(labels_batch)
    dev_loss, dev_acc = evaluate(student, dev_dl)
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1}/{params.num_epochs} kd loss {running / len(x_train):.4f} dev loss {dev_loss:.4f} accuracy {dev_acc:.4f}")

print(f"RESULT dev_loss {dev_loss:.4f}")
