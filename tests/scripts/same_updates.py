"""Scenarios: ways of computing gradients and changing weights."""

from __future__ import annotations

import copy
import threading

import torch
from scenarios import digest, fit, main, mlp, scenario, table
from torch import nn
from torch.nn import functional as F


@scenario
def accumulation():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(12):
        inputs, targets = table(8)
        (F.mse_loss(model(inputs), targets) / 4).backward()
        if step % 4 == 3:
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
    return model, optimizer


@scenario
def mixed_precision():
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
    inputs, targets = table()
    for step in range(6):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.mse_loss(model(inputs if step != 3 else inputs * float("inf")), targets)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return model, optimizer, scaler.state_dict()


@scenario
def lbfgs():
    model = mlp()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5, line_search_fn="strong_wolfe")
    inputs, targets = table()
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(inputs), targets)
        loss.backward()
        calls.append(loss.item())
        return loss

    for _ in range(4):
        optimizer.step(closure)
    return calls, model, optimizer


@scenario
def generator_and_critic():
    maker, critic = mlp(2, 2), mlp(2, 1)
    makes = torch.optim.Adam(maker.parameters(), lr=1e-2, betas=(0.5, 0.9))
    judges = torch.optim.RMSprop(critic.parameters(), lr=1e-2)
    for step in range(8):
        real, noise = torch.randn(16, 2) + 2, torch.randn(16, 2)
        fake = maker(noise).detach()
        mix = (torch.rand(16, 1) * (real - fake) + fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(mix).sum(), mix, create_graph=True)
        loss = critic(fake).mean() - critic(real).mean() + 10 * (slope.norm(dim=1) - 1).square().mean()
        judges.zero_grad()
        loss.backward()
        judges.step()
        if step % 2:
            makes.zero_grad()
            (-critic(maker(noise)).mean()).backward()
            makes.step()
    return maker, critic, makes, judges


@scenario
def functional_gradients():
    model = mlp()
    inputs, targets = table()
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    def loss(weights):
        return F.mse_loss(torch.func.functional_call(model, weights, (inputs,)), targets)

    for _ in range(6):
        gradients, value = torch.func.grad_and_value(loss)(weights)
        weights = {name: weights[name] - 0.1 * gradients[name] for name in weights}
    each = torch.func.vmap(torch.func.grad(lambda w, x, y: F.mse_loss(torch.func.functional_call(model, w, (x,)), y)),
                           in_dims=(None, 0, 0))(weights, inputs, targets)  # fmt: skip
    curve = torch.func.hessian(lambda b: F.mse_loss(inputs @ b, targets[:, 0]))(torch.zeros(6))
    slope = torch.func.jvp(lambda x: model(x).sum(), (inputs,), (torch.ones_like(inputs),))
    return value, weights, each, curve, slope


@scenario
def weights_by_hand():
    inputs, targets = table()
    left = []
    weight = torch.randn(6, 1, requires_grad=True)
    for _ in range(8):
        F.mse_loss(inputs @ weight, targets).backward()
        weight.data -= 0.1 * weight.grad
        weight.grad = None
    left.append(weight)
    weight = torch.randn(6, 1, requires_grad=True)
    for _ in range(8):
        F.mse_loss(inputs @ weight, targets).backward()
        with torch.no_grad():
            weight -= 0.1 * weight.grad
            weight.grad.zero_()
    left.append(weight)
    first, second = torch.randn(6, 4, requires_grad=True), torch.randn(4, 1, requires_grad=True)
    for _ in range(8):
        loss = ((torch.relu(inputs @ first) @ second - targets) ** 2).mean()
        slopes = torch.autograd.grad(loss, [first, second])
        first, second = ((w - 0.1 * g).detach().requires_grad_() for w, g in zip((first, second), slopes, strict=True))
    left += [first, second]
    model = mlp()
    for _ in range(8):
        model.zero_grad()
        F.l1_loss(model(inputs), targets).backward()
        for parameter in model.parameters():
            parameter.data.add_(parameter.grad, alpha=-0.1)
    return left, model


@scenario
def optimizers_made_in_the_loop():
    model = mlp()
    for step in range(80):
        fit(model, torch.optim.SGD(model.parameters(), lr=0.1 / (step + 1)), 1)
    kinds = (torch.optim.Adagrad, torch.optim.NAdam, torch.optim.Rprop, torch.optim.ASGD, torch.optim.Adamax)
    others = [kind(model.parameters()) for kind in kinds]
    others += [torch.optim.Adam(model.parameters(), fused=True), torch.optim.SGD(model.parameters(), 0.1, foreach=True)]
    return [fit(model, other, 2) for other in others], model, others


@scenario
def averages():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mean = torch.optim.swa_utils.AveragedModel(model)
    moving = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    by_hand = copy.deepcopy(model).requires_grad_(False)
    schedule = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.05)
    for _ in range(5):
        fit(model, optimizer, 2)
        mean.update_parameters(model)
        moving.update_parameters(model)
        schedule.step()
        with torch.no_grad():
            for slow, fast in zip(by_hand.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
    torch.optim.swa_utils.update_bn([table()[0]], mean)
    return model, mean, moving, by_hand, optimizer


@scenario
def gradients_between_backward_and_step():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, maximize=True)
    seen = []
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient * 0.5)
        parameter.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.sum().item()))
    inputs, targets = table()
    loss = F.mse_loss(model(inputs), targets)
    loss.backward(retain_graph=True)
    loss.backward()
    optimizer.step()
    losses = [F.mse_loss(model(inputs), targets), F.l1_loss(model(inputs), targets)]
    torch.autograd.backward(losses, [torch.tensor(1.0), torch.tensor(0.5)])
    optimizer.step()
    model(inputs).backward(torch.randn(32, 1), inputs=list(model[0].parameters()))
    return seen, model


@scenario
def threads():
    pairs = [(mlp(), table(), table()) for _ in range(2)]

    def train(model, batch, _):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(60):
            optimizer.zero_grad()
            F.mse_loss(model(batch[0]), batch[1]).backward()
            optimizer.step()

    workers = [threading.Thread(target=train, args=pair) for pair in pairs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [pair[0] for pair in pairs]


@scenario
def double_backward():
    model = mlp()
    model[1] = nn.Softplus()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = table()
    inputs.requires_grad_()
    for _ in range(5):
        loss = F.mse_loss(model(inputs), targets)
        (slope,) = torch.autograd.grad(loss, inputs, create_graph=True)
        optimizer.zero_grad()
        (loss + slope.square().sum()).backward()
        optimizer.step()
    # An attack on the inputs, and a Hessian by backward of backward.
    attack = inputs.detach().clone().requires_grad_()
    F.mse_loss(model(attack), targets).backward()
    hessian = torch.autograd.functional.hessian(lambda x: model(x).sum(), inputs[:1].detach())
    return model, inputs.grad, attack.grad, hessian


@scenario
def checkpointing():
    class Counted(nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.net = mlp(6, 6)

        def forward(self, inputs):
            Counted.calls += 1
            return F.dropout(self.net(inputs), 0.1)

    left = []
    for reentrant in (False, True):
        block, head = Counted(), nn.Linear(6, 1)
        optimizer = torch.optim.SGD([*block.parameters(), *head.parameters()], lr=0.1)
        inputs, targets = table()
        inputs.requires_grad_(reentrant)
        Counted.calls = 0
        for _ in range(4):
            hidden = torch.utils.checkpoint.checkpoint(block, inputs, use_reentrant=reentrant)
            optimizer.zero_grad()
            F.mse_loss(head(hidden), targets).backward()
            optimizer.step()
        left += [Counted.calls, block, head]
        print("forward passes:", Counted.calls)
    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: (packed.append("in"), t)[1], lambda t: (packed.append("out"), t)[1]
    ):
        left += [fit(head_ := mlp(), torch.optim.SGD(head_.parameters(), lr=0.1), 3)]
    print("saved tensors:", packed.count("in"), packed.count("out"))
    return left, digest(packed)


if __name__ == "__main__":
    main()
