"""Says what is still alive of a training, without the cycle collector's help."""

import contextlib
import gc
import weakref

import torch
from torch import nn
from torch.nn import functional as F

gc.collect()
gc.disable()


class Marked(torch.autograd.Function):
    """Its node is a Python object, so that a weak reference can tell whether the graph lives."""

    @staticmethod
    def forward(ctx, value):
        ctx.save_for_backward(value)
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, inputs):
        return Marked.apply(self.second(torch.relu(self.first(inputs))))


def alive(references):
    return [name for name, reference in references.items() if reference() is not None]


def step(model, optimizer, references):
    inputs, targets = torch.randn(5, 4), torch.randn(5, 1)
    prediction = model(inputs)
    loss = F.mse_loss(prediction, targets)
    things = {"inputs": inputs, "targets": targets, "prediction": prediction, "loss": loss, "graph": prediction.grad_fn}
    references.update({name: weakref.ref(thing) for name, thing in things.items()})
    loss.backward()
    if optimizer:
        optimizer.step()
        optimizer.zero_grad()


def in_one_function():
    """All in one function, whose variables go one by one while it runs."""
    weight = torch.randn(4, 1, requires_grad=True)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    for number in range(3):
        inputs, targets = torch.randn(5, 4), torch.randn(5, 1)
        prediction = model(inputs) + inputs @ weight
        loss = F.mse_loss(prediction, targets)
        loss.backward()
        optimizer.step()
        references = {"inputs": weakref.ref(inputs), "prediction": weakref.ref(prediction), "loss": weakref.ref(loss)}
        references["graph"] = weakref.ref(prediction.grad_fn.next_functions[0][0])
        del inputs, targets, prediction, loss
        print("step", number, alive(references))
    gradients = [weakref.ref(parameter.grad) for parameter in model.parameters()]
    optimizer.zero_grad()
    print("gradients", [gradient() is None for gradient in gradients])
    parameters = [weakref.ref(parameter) for parameter in model.parameters()]
    modules = [weakref.ref(module) for module in model.modules()]
    references = {"model": weakref.ref(model), "optimizer": weakref.ref(optimizer), "weight": weakref.ref(weight)}
    del model, optimizer, weight
    gc.collect()
    print("end", alive(references), [p() is None for p in parameters], [m() is None for m in modules])


def held_by_hand():
    """A weight held by hand, so that headtorch looks for its name in the function's variables."""
    weight = torch.randn(4, 1, requires_grad=True)
    references = {}
    for _ in range(2):
        inputs = torch.randn(5, 4)
        loss = F.mse_loss(inputs @ weight, torch.ones(5, 1))
        loss.backward()
        references |= {"inputs": weakref.ref(inputs), "loss": weakref.ref(loss)}
        del inputs, loss
        print("by hand", alive(references))


def broken_off():
    """A backward pass that raises."""
    model = Net()
    references = {}
    model.register_full_backward_hook(lambda *_: 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        step(model, None, references)
    gc.collect()
    print("broken off", alive(references))


def evaluated():
    model = Net().eval()
    with torch.no_grad():
        inputs = torch.randn(5, 4)
        loss = F.mse_loss(model(inputs), torch.ones(5, 1))
    references = {"inputs": weakref.ref(inputs), "loss": weakref.ref(loss), "model": weakref.ref(model)}
    del inputs, loss, model
    gc.collect()
    print("evaluated", alive(references))


net = Net()
sgd = torch.optim.SGD(net.parameters(), lr=0.1)
seen: dict = {}
for number in range(120):
    step(net, sgd, seen)
    if number in (0, 1, 2, 50, 99, 100, 119):
        print(number, alive(seen))
in_one_function()
held_by_hand()
broken_off()
evaluated()
