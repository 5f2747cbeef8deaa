"""Train a landing controller by back-propagation through the flight model."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)

DT = 0.1
HORIZON = 30
GRAVITY = torch.tensor([0.0, -0.4])
MAX_THRUST = 1.5
MAX_SPEED = 3.0


class FlightModel:
    """Point mass with a limited thrust and a speed limiter, many flights in parallel."""

    def __init__(self, n):
        self.pos = torch.rand(n, 2) * 4 - 2
        self.vel = torch.rand(n, 2) - 0.5

    def observe(self):
        return torch.cat([self.pos / 2.0, self.vel], dim=1)

    def advance(self, thrust):
        vel = self.vel + DT * (MAX_THRUST * thrust + GRAVITY)
        self.vel = torch.from_numpy(np.clip(vel.detach().numpy(), -MAX_SPEED, MAX_SPEED))
        self.pos = self.pos + DT * self.vel


class Controller(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(4, hidden), nn.Tanh(),
            nn.Linear(hidden, hidden), nn.Tanh(),
            nn.Linear(hidden, 2),
        )

    def forward(self, obs):
        return torch.tanh(self.net(obs))


def fly(controller, n, effort_weight=0.01):
    """One batch of flights: returns the cost and the distance from the pad at touch-down."""
    flight = FlightModel(n)
    effort = 0.0
    for _ in range(HORIZON):
        thrust = controller(flight.observe())
        effort = effort + thrust.pow(2).sum(1)
        flight.advance(thrust)
    miss = flight.pos.pow(2).sum(1)
    touch_down = flight.vel.pow(2).sum(1)
    cost = miss + 0.5 * touch_down + effort_weight * effort
    return cost.mean(), miss.sqrt().mean().item(), touch_down.sqrt().mean().item()


def main():
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    controller = Controller()
    optimizer = torch.optim.Adam(controller.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=105, gamma=0.5)

    for iteration in range(1, 211):
        controller.train()
        cost, miss, speed = fly(controller, 64)
        optimizer.zero_grad()
        cost.backward()
        nn.utils.clip_grad_norm_(controller.parameters(), 10.0)
        optimizer.step()
        scheduler.step()
        if iteration % 30 == 0:
            print(f"iteration {iteration:4d}  cost {cost.item():.4f}  miss {miss:.3f} m  touch-down speed {speed:.3f} m/s")

    controller.eval()
    with torch.no_grad():
        _, miss, speed = fly(controller, 500)
    print(f"evaluation on 500 new flights: miss {miss:.3f} m, touch-down speed {speed:.3f} m/s")
    print(f"RESULT miss_distance {miss:.4f}")


if __name__ == "__main__":
    main()
