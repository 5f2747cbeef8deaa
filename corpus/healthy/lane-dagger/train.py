"""A lane keeper that imitates a driver, by DAgger: the student drives, the driver says what he would have done, the
answers are added to the data and a new student is trained on all of it from scratch."""
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

DT, STEPS, CARS = 0.1, 80, 16


class Course:
    """A fleet of simulated cars, each on its own winding road."""

    def __init__(self, n, rng):
        self.rng, self.n = rng, n
        self.amp = rng.uniform(0.05, 0.25, (n, 3))
        self.freq = rng.uniform(0.3, 1.2, (n, 3))
        self.phase = rng.uniform(0, 2 * np.pi, (n, 3))
        self.speed = rng.uniform(0.8, 1.2, n)
        self.offset = rng.uniform(-0.4, 0.4, n)
        self.heading = rng.uniform(-0.2, 0.2, n)
        self.s = np.zeros(n)

    def curvature(self, s):
        return (self.amp * np.sin(self.freq * s[:, None] + self.phase)).sum(1)

    def observe(self):
        return np.stack([self.offset, self.heading, self.curvature(self.s), self.curvature(self.s + 0.5), self.speed], axis=1)

    def drive(self, steer):
        steer = np.clip(steer, -1.2, 1.2)
        bend = self.curvature(self.s)
        self.offset = self.offset + DT * self.speed * np.sin(self.heading) + 0.005 * self.rng.standard_normal(self.n)
        self.heading = self.heading + DT * self.speed * (steer - bend) + 0.02 * self.rng.standard_normal(self.n)
        self.heading = np.clip(self.heading, -1.5, 1.5)
        self.offset = np.clip(self.offset, -3, 3)
        self.s = self.s + DT * self.speed


def driver(obs):
    offset, heading, bend, _, speed = obs.T
    want = bend - 1.5 * offset / speed - 2.0 * np.sin(heading)
    return np.clip(want, -1.0, 1.0)


class Student(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, obs):
        return self.net((obs - self.mean) / self.std).squeeze(1)

    @torch.no_grad()
    def steer(self, obs):
        return self(torch.tensor(obs, dtype=torch.float32)).numpy()


def collect(student, share_of_driver, rng):
    course = Course(CARS, rng)
    seen, answers = [], []
    for _ in range(STEPS):
        obs = course.observe()
        answer = driver(obs)
        seen.append(obs)
        answers.append(answer)
        if student is None:
            course.drive(answer)
        else:
            by_driver = rng.random(CARS) < share_of_driver
            course.drive(np.where(by_driver, answer, student.steer(obs)))
    return TensorDataset(torch.tensor(np.concatenate(seen), dtype=torch.float32),
                         torch.tensor(np.concatenate(answers), dtype=torch.float32))


def train_student(data, passes):
    obs = torch.cat([d.tensors[0] for d in data.datasets])
    student = Student(obs.mean(0), obs.std(0))
    opt = torch.optim.Adam(student.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, passes)
    loader = DataLoader(data, batch_size=128, shuffle=True)
    for _ in range(passes):
        total = 0.0
        for o, a in loader:
            loss = nn.functional.smooth_l1_loss(student(o), a, beta=0.1)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(o)
        sched.step()
    return student, total / len(data)


def in_lane(policy, rng, n=100):
    course = Course(n, rng)
    inside = []
    for t in range(STEPS):
        course.drive(policy(course.observe()))
        if t >= 30:
            inside.append(np.abs(course.offset) < 0.15)
    return float(np.mean(inside))


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    sets, student = [], None
    for rnd in range(5):
        sets.append(collect(student, 0.5 ** rnd, rng))
        student, loss = train_student(ConcatDataset(sets), passes=(12, 8, 6, 6, 8)[rnd])
        print(f"round {rnd}: {sum(map(len, sets))} situations, imitation loss {loss:.5f}, in lane {in_lane(student.steer, rng):.3f}")
    test_rng = np.random.default_rng(SEED + 1000)
    print("driver", round(in_lane(driver, np.random.default_rng(SEED + 1000)), 3),
          "no steering", round(in_lane(lambda o: np.zeros(len(o)), np.random.default_rng(SEED + 1000)), 3))
    print("RESULT in_lane_share", round(in_lane(student.steer, test_rng), 4))


if __name__ == "__main__":
    main()
