"""Scenarios: what a script may do to PyTorch itself, and modules that are not as others."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import sys
import traceback
import warnings
from pathlib import Path

import torch
from scenarios import digest, fit, main, mlp, scenario, table
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


@scenario
def anomaly_mode_of_the_user():
    states = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.autograd.set_detect_anomaly(True)
    states += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    fit(model, optimizer, 3)
    states.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(False)
    states.append(torch.is_anomaly_enabled())
    with torch.autograd.detect_anomaly(check_nan=False):
        fit(mlp(), optimizer, 2)
        states.append(torch.is_anomaly_enabled())
    states.append(torch.is_anomaly_enabled())
    weight = torch.zeros(3, requires_grad=True)
    torch.autograd.set_detect_anomaly(True)
    try:
        (weight.sqrt() * 0).sum().backward()
        caught = "nothing"
    except RuntimeError as error:
        caught = str(error)
    torch.autograd.set_detect_anomaly(False)
    print(states, caught)
    fit(model, optimizer, 3)
    return states, caught, model


@scenario
def hooks_of_the_user():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    model[0].register_forward_pre_hook(lambda module, args: (args[0] * 1.1,))
    model[1].register_forward_hook(lambda module, args, output: seen.append(output.sum().item()))
    model[2].register_full_backward_hook(lambda module, inner, outer: seen.append(outer[0].sum().item()))
    handle = nn.modules.module.register_module_forward_hook(lambda module, args, output: seen.append(len(args)))
    optimizer.register_step_post_hook(lambda *_: seen.append("step"))
    fit(model, optimizer)
    handle.remove()
    return seen, model


class CountFunctions(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


class CountOperations(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@scenario
def hooks_of_state_dicts():
    model, calls = mlp(), []
    model._register_state_dict_hook(lambda *_: calls.append(1))
    model.load_state_dict(mlp().state_dict())
    model.load_state_dict({}, strict=False)
    return len(calls)


@scenario
def modes_of_the_user():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with CountFunctions() as functions:
        fit(model, optimizer, 3)
        fit(model, optimizer, 2, F.binary_cross_entropy_with_logits)
    with CountOperations() as operations:
        fit(model, optimizer, 3)
    fit(model, optimizer, 3)
    print("seen by the modes:", len(functions.names), len(operations.names))
    return functions.names, operations.names, model


class Tagged(torch.Tensor):
    seen = []  # noqa: RUF012

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        Tagged.seen.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


@scenario
def tensor_subclass():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = table()
    inputs, targets = inputs.as_subclass(Tagged), targets.as_subclass(Tagged)
    for _ in range(3):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets).backward()
        optimizer.step()
    return Tagged.seen, model


class Recorded(nn.Module):
    """Overrides what a module can override."""

    __slots__ = ("note",)

    def __init__(self):
        settings = locals()
        super().__init__()
        self.layer = nn.Linear(6, 1)
        self.note = sorted(settings)

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs) * 2

    def __eq__(self, other):
        raise TypeError("never compared")

    __hash__ = nn.Module.__hash__

    def __bool__(self):
        raise TypeError("no truth")

    def __len__(self):
        raise TypeError("no length")

    def __repr__(self):
        raise TypeError("no text")

    def forward(self, inputs):
        return self.layer(inputs)


class Counting(nn.Module):
    """Tells how often what a library should not need is asked for."""

    asked = 0

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 1)

    def parameters(self, recurse=True):
        Counting.asked += 1
        return super().parameters(recurse)

    def forward(self, inputs):
        return self.layer(inputs)


class Refusing(Counting):
    def modules(self):
        raise RuntimeError("no modules today")


@scenario
def modules_unlike_others():
    first, second, third = Recorded(), Counting(), Refusing()
    left = []
    for model in (first, second, third):
        optimizer = torch.optim.SGD(nn.Module.parameters(model), lr=0.1)
        left.append(fit(model, optimizer))
        print("asked for parameters:", Counting.asked)
    return left, first.note, first.layer, second, third.layer


def by_locals():
    weight = torch.ones(6, 1, requires_grad=True)
    before = locals()
    inputs, targets = table()
    for _ in range(3):
        F.mse_loss(inputs @ weight, targets).backward()
    return sorted(before)


@scenario
def variables_in_a_dict():
    return by_locals()


@scenario
def scripted():
    @torch.jit.script
    def losses(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor):
        return F.mse_loss(a, b) + F.cross_entropy(a, c) + F.binary_cross_entropy_with_logits(a, b) + F.l1_loss(a, b)

    a, b, c = torch.randn(4, 3, requires_grad=True), torch.rand(4, 3), torch.tensor([0, 1, 2, 0])
    for _ in range(4):
        losses(a, b, c).backward()
    model = torch.jit.script(mlp())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return (
        fit(model, optimizer),
        a.grad,
        str(losses.graph).count("\n"),
        model.code,
        [p.grad for p in model.parameters()],
    )


@scenario
def traced():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    example = table()[0]
    copy = torch.jit.trace(model, example)
    losses = torch.jit.trace(lambda p, t: F.mse_loss(p, t), (torch.randn(4, 1), torch.randn(4, 1)))
    graph = torch.fx.symbolic_trace(model)
    fit(graph, torch.optim.SGD(graph.parameters(), lr=0.1), 3)
    exported = torch.export.export(model, (example,))
    operations = [node.kind() for node in losses.graph.nodes()]
    return str(copy.graph), operations, graph.code, str(exported.graph), fit(model, optimizer, 3), graph


def trains_in_a_child(connection):
    model = mlp()
    fit(model, torch.optim.SGD(model.parameters(), lr=0.1), 3)
    connection.send((torch.is_anomaly_enabled(), torch._C.is_anomaly_enabled(), digest(model)))


@scenario
def child_processes():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    left = []
    for _ in range(2):
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=trains_in_a_child, args=(theirs,))
        child.start()
        left.append(ours.recv())
        child.join()
        left.append(child.exitcode)
        left += fit(model, optimizer, 3)
    child = os.fork()
    if not child:
        fit(model, optimizer, 3)
        os._exit(3)
    left.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(left)
    return left, model


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        ctx.save_for_backward(value)
        ctx.name = "mine"
        return value * value

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


@scenario
def own_autograd_functions():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 1)

        def forward(self, inputs):
            return Square.apply(self.layer(inputs))

    model = Net()
    return fit(model, torch.optim.SGD(model.parameters(), lr=0.01)), model


@scenario
def nested_and_sparse_tensors():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(3):
        ragged = torch.nested.nested_tensor([torch.ones(2, 6), torch.ones(5, 6)], layout=torch.jagged)
        optimizer.zero_grad()
        model(ragged).values().square().mean().backward()
        optimizer.step()
    adjacency = torch.eye(32).to_sparse()
    rows = torch.eye(32).to_sparse_csr()
    inputs, targets = table()
    for step in range(4):
        optimizer.zero_grad()
        spread = torch.sparse.mm(adjacency, inputs) if step % 2 else rows @ inputs
        F.mse_loss(model(spread), targets).backward()
        optimizer.step()
    return model


@scenario
def errors_of_the_user():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = table()
    said = []
    for wrong in (
        lambda: model(torch.randn(3, 5)),
        lambda: model(inputs).backward(),
        lambda: F.mse_loss(model(inputs), targets).detach().backward(),
        lambda: F.cross_entropy(model(inputs), torch.full((32,), 7)),
        lambda: [loss.backward() for loss in [F.mse_loss(model(inputs), targets)] * 2],
        lambda: torch.optim.SGD([], lr=1),
        lambda: torch.optim.SGD(model.parameters(), lr=-1),
        lambda: nn.Linear(2, -1),
        lambda: F.mse_loss(1, 2),
        lambda: torch.autograd.grad(inputs.sum(), inputs),
        lambda: torch.autograd.backward(1),
        lambda: nn.Linear(2),
        lambda: model.load_state_dict({"x": 1}),
    ):
        try:
            wrong()
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
            own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
            said += [f"{frame.name}:{frame.lineno}" for frame in own]
    hidden = torch.relu(model[0](inputs))
    loss = (hidden.exp() * 2).sum()
    hidden.add_(1)
    try:
        loss.backward()
    except RuntimeError as error:
        said.append(str(error))
    fit(model, optimizer)
    print("\n".join(said))
    return said, model


class Warns(nn.Module):
    def __init__(self):
        super().__init__()
        warnings.warn("made", stacklevel=2)
        self.layer = nn.Linear(6, 1)

    def forward(self, inputs):
        for level in range(1, 6):
            warnings.warn(f"called, level {level}", stacklevel=level)
        return self.layer(inputs)


@scenario
def warnings_name_the_same_lines():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inputs, targets = table()
        model = Warns()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        schedule.step()
        F.mse_loss(model(inputs), targets[:, 0]).backward()
        F.l1_loss(model(inputs), targets[:, 0])
        F.smooth_l1_loss(model(inputs), targets[:, 0])
        F.huber_loss(model(inputs), targets[:, 0])
        F.kl_div(model(inputs), targets.abs())
        F.mse_loss(model(inputs), targets, size_average=False)
        nn.MSELoss()(model(inputs), targets[:, 0]).backward(create_graph=True)
        nn.Softmax()(model(inputs))
        nn.LSTM(2, 2, dropout=0.5)
        model(inputs).sum().grad  # noqa: B018
        torch.optim.lr_scheduler.StepLR(optimizer, 1).step(1)
    own = ("headtorch" + os.sep + "record", "headtorch" + os.sep + "launch")
    for each in caught:
        print(f"{Path(each.filename).name}:{each.lineno}: {str(each.message).splitlines()[0][:90]}")
    return [any(part in each.filename for part in own) for each in caught]


@scenario
def warnings_come_as_often():
    inputs, targets = table()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets[:, 0]).backward()
        optimizer.step()
        warnings.warn("once a line", stacklevel=1)
    return model


@scenario
def introspection():
    """What a curious script sees of PyTorch."""
    F.mse_loss(mlp()(table()[0]), table()[1]).backward()
    print(inspect.signature(nn.Module.__init__), inspect.signature(nn.Module.load_state_dict))
    print(F.mse_loss.__name__, torch.optim.Optimizer.__init__.__name__, torch._C._nn.mse_loss.__name__)
    print(
        torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_num_threads(), torch.is_anomaly_enabled()
    )
    print(sys.gettrace(), sys.getprofile(), sys.getrecursionlimit())
    return sorted(name for name in sys.modules if name.startswith("torch.") and "_dynamo" in name) != []


if __name__ == "__main__":
    main()
