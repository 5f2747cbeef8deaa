"""Trainings that go on after something unusual in their middle, mostly after the hundredth step, when little is looked
at any more."""

import gc
import os
import threading

import torch
from scenarios import digest, fit, main, mlp, scenario, table
from torch import nn
from torch.nn import functional as F


def train(model, optimizer, steps, inputs, targets):
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets).backward()
        optimizer.step()


@scenario
def hooks_that_raise():
    def fails(*_):
        raise RuntimeError("a hook of the user's")

    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = table()
    batch = inputs.requires_grad_(), targets
    said = []
    for steps in (3, 120):
        train(model, optimizer, steps, *batch)
        for install in (
            lambda: model[0].register_forward_pre_hook(fails),
            lambda: model[2].register_forward_hook(fails),
            lambda: model[0].register_full_backward_hook(fails),
            lambda: model[2].weight.register_hook(fails),
            lambda: model[2].weight.register_post_accumulate_grad_hook(fails),
            lambda: optimizer.register_step_pre_hook(fails),
            lambda: optimizer.register_step_post_hook(fails),
        ):
            hook = install()
            try:
                train(model, optimizer, 2, *batch)
            except RuntimeError as error:
                said.append(str(error))
            hook.remove()
            train(model, optimizer, 2, *batch)
    print(len(said), set(said))
    return said, model


@scenario
def modules_change_in_mid_training():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batch = table()
    train(model, optimizer, 130, *batch)
    model.insert(2, nn.Linear(8, 8))  # deeper, the optimizer is told
    optimizer.add_param_group({"params": model[2].parameters()})
    train(model, optimizer, 130, *batch)
    model[3] = nn.Linear(8, 1)  # another head, a new optimizer
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, 130, *batch)
    del model[2]  # shallower
    model[1] = nn.Tanh()
    train(model, optimizer, 130, *batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model.double()  # another type
    train(model, optimizer, 130, *(each.double() for each in batch))
    return model, optimizer


@scenario
def parameter_replaced():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    batch = table()
    train(model, optimizer, 130, *batch)
    model[0].weight = nn.Parameter(torch.randn(8, 6))  # the optimizer holds the old one still
    train(model, optimizer, 130, *batch)
    optimizer.param_groups[0]["params"][0] = model[0].weight
    train(model, optimizer, 130, *batch)
    model[2].weight.data = torch.randn(1, 8)  # the same parameter, other storage
    del model[2].bias
    model[2].bias = None
    train(model, optimizer, 130, *batch)
    return model


@scenario
def model_deleted():
    left = []
    for _ in range(3):
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        train(model, optimizer, 110, *table())
        left.append(digest(model))
        kept, parameters = optimizer, [parameter.detach().clone() for parameter in model.parameters()]
        del model  # the optimizer lives on, its parameters' module does not
        gc.collect()
        kept.step()
        left += parameters
    return left


@scenario
def ten_thousand_layers():
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(10_000)], nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    train(model, optimizer, 2, torch.randn(4, 2), torch.randn(4, 1))
    return model


class Folded(nn.Module):
    """Calls itself with a shorter list, so many times that Python's limit is near."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, inputs, depth):
        hidden = torch.tanh(self.layer(inputs))
        return hidden if depth == 0 else inputs + self(hidden, depth - 1)


@scenario
def recursion_beyond_the_limit():
    model = Folded()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = torch.randn(4, 2)
    said = []
    for depth in [200] * 15 + [100_000] + [200] * 5:  # each level takes four of the thousand calls Python allows
        optimizer.zero_grad()
        try:
            model(inputs, depth).square().mean().backward()
        except RecursionError as error:
            said.append(str(error).partition(" in ")[0])
            continue
        optimizer.step()
    print(said)
    return said, model


@scenario
def fork_after_start():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batch = table()
    train(model, optimizer, 130, *batch)
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        train(model, optimizer, 130, *batch)
        os.write(theirs, digest(model).encode())
        os._exit(0)
    train(model, optimizer, 130, *batch)  # both at the same time
    theirs_said = os.read(ours, 16).decode()
    os.waitpid(child, 0)
    return theirs_said, theirs_said == digest(model), model


@scenario
def threads_that_train_two_models():
    models = [mlp() for _ in range(2)]
    batches = [table() for _ in range(2)]
    threads = [
        threading.Thread(target=fit_long, args=(model, batch)) for model, batch in zip(models, batches, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return models


def fit_long(model, batch):
    train(model, torch.optim.SGD(model.parameters(), lr=0.01), 150, *batch)


@scenario
def all_is_well_afterwards():
    model = mlp()
    return fit(model, torch.optim.SGD(model.parameters(), lr=0.1), 130), model


main()
