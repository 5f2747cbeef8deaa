"""Places: from the line where something ran to the line where its user would change it."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from headtorch.model import Where
from headtorch.places import Places

FILE = "/home/user/train.py"


def marked(source: str) -> tuple[Places, list[Where], int]:
    """Places of a source; its lines `# at 0`, `# at 1` ... as a stack, innermost first; the line marked `# <-`."""
    text = dedent(source).lstrip("\n")
    lines = {m[1]: n for n, line in enumerate(text.splitlines(), 1) if (m := re.search(r"# at (\d)", line))}
    (wanted,) = [number for number, line in enumerate(text.splitlines(), 1) if "# <-" in line]
    return Places({FILE: text}), [Where(FILE, lines[key]) for key in sorted(lines)], wanted


RATES = {
    "written at the call": """
        optimizer = SGD(model.parameters(), lr=0.1)  # at 0  # <-
        """,
    "given by position": """
        LR = 0.1  # <-
        optimizer = SGD(model.parameters(), LR)  # at 0
        """,
    "left to the default of the optimizer": """
        optimizer = Adam(model.parameters())  # at 0  # <-
        """,
    "a call over several lines": """
        optimizer = SGD(  # at 0
            model.parameters(),
            momentum=0.9,
            lr=0.1,  # <-
        )
        """,
    "an option of argparse": """
        parser = ArgumentParser()
        parser.add_argument("--epochs", type=int, default=3)
        parser.add_argument("--lr", type=float, default=0.1)  # <-
        args = parser.parse_args()
        optimizer = SGD(model.parameters(), lr=args.lr)  # at 0
        """,
    "an option of argparse with dashes and a short form": """
        parser.add_argument("-r", "--learning-rate", type=float, default=0.1)  # <-
        optimizer = SGD(model.parameters(), lr=args.learning_rate)  # at 0
        """,
    "an option of argparse with another name": """
        parser.add_argument("--rate", dest="lr", type=float, default=0.1)  # <-
        optimizer = SGD(model.parameters(), lr=args.lr)  # at 0
        """,
    "an option of argparse over several lines": """
        parser.add_argument(
            "--lr",
            default=0.1,  # <-
        )
        optimizer = SGD(model.parameters(), lr=args.lr)  # at 0
        """,
    "an entry of a dictionary": """
        config = {
            "epochs": 3,
            "lr": 0.1,  # <-
        }
        optimizer = SGD(model.parameters(), lr=config["lr"])  # at 0
        """,
    "an entry of a dictionary within another": """
        config = {
            "model": {"width": 3},
            "optimizer": {"lr": 0.1},  # <-
        }
        optimizer = SGD(model.parameters(), lr=config["optimizer"]["lr"])  # at 0
        """,
    "an entry of dict()": """
        config = dict(epochs=3, lr=0.1)  # <-
        optimizer = SGD(model.parameters(), lr=config["lr"])  # at 0
        """,
    "an entry that get() fetches": """
        config = {"lr": 0.1}  # <-
        optimizer = SGD(model.parameters(), lr=config.get("lr", 0.3))  # at 0
        """,
    "a field of a dataclass": """
        @dataclass
        class Config:
            epochs: int = 3
            lr: float = 0.1  # <-
        config = Config()
        optimizer = SGD(model.parameters(), lr=config.lr)  # at 0
        """,
    "a field of a dataclass that its call sets": """
        @dataclass
        class Config:
            epochs: int = 3
            lr: float = 0.1
        config = Config(lr=30.0)  # <-
        optimizer = SGD(model.parameters(), lr=config.lr)  # at 0
        """,
    "a field without a default": """
        @dataclass
        class Config:
            lr: float
        config = Config(lr=0.1)  # <-
        optimizer = SGD(model.parameters(), lr=config.lr)  # at 0
        """,
    "an attribute of a class": """
        class Config:
            lr = 0.1  # <-
        optimizer = SGD(model.parameters(), lr=Config.lr)  # at 0
        """,
    "a namespace": """
        args = SimpleNamespace(epochs=3, lr=0.1)  # <-
        optimizer = SGD(model.parameters(), lr=args.lr)  # at 0
        """,
    "a default of a function": """
        def train(model, epochs=3, lr=0.1, verbose=False):  # <-
            optimizer = SGD(model.parameters(), lr=lr)  # at 0
        train(model)  # at 1
        """,
    "a keyword-only default of a function": """
        def train(
            model,
            *,
            lr=0.1,  # <-
            epochs=3,
        ):
            optimizer = SGD(model.parameters(), lr=lr)  # at 0
        train(model)  # at 1
        """,
    "a keyword of a call": """
        def train(model, lr=0.1):
            optimizer = SGD(model.parameters(), lr=lr)  # at 0
        train(model, lr=30.0)  # at 1  # <-
        """,
    "a position of a call": """
        def train(model, lr):
            optimizer = SGD(model.parameters(), lr=lr)  # at 0
        train(model, 30.0)  # at 1  # <-
        """,
    "a call through two functions": """
        def make_optimizer(model, rate):
            return SGD(model.parameters(), lr=rate)  # at 0
        def main(lr=0.1):  # <-
            optimizer = make_optimizer(model, lr)  # at 1
        main()  # at 2
        """,
    "a call through two functions that use the same name": """
        def make_optimizer(model, lr):
            return SGD(model.parameters(), lr=lr)  # at 0
        def main(lr=0.1):  # <-
            optimizer = make_optimizer(model, lr)  # at 1
        main()  # at 2
        """,
    "a constant of the module": """
        EPOCHS = 3
        LR = 0.1  # <-
        def main():
            optimizer = SGD(model.parameters(), lr=LR)  # at 0
        main()  # at 1
        """,
    "an annotated constant of the module": """
        LR: float = 0.1  # <-
        optimizer = SGD(model.parameters(), lr=LR)  # at 0
        """,
    "a constant that is multiplied": """
        LR = 0.1  # <-
        optimizer = SGD(model.parameters(), lr=LR * 2)  # at 0
        """,
    "a constant under another name": """
        BASE = 0.1  # <-
        lr = BASE
        optimizer = SGD(model.parameters(), lr=lr)  # at 0
        """,
    "a variable that is converted": """
        rate = 0.1  # <-
        optimizer = SGD(model.parameters(), lr=float(rate))  # at 0
        """,
    "a variable of the function, not its namesake in the module": """
        lr = 0.001
        def main():
            lr = 0.1  # <-
            optimizer = SGD(model.parameters(), lr=lr)  # at 0
        main()  # at 1
        """,
    "a constant of the module, not its namesake in a function": """
        lr = 0.1  # <-
        def other():
            lr = 0.001
        optimizer = SGD(model.parameters(), lr=lr)  # at 0
        """,
    "an argument of a trainer": """
        class Trainer:
            def __init__(self, model, lr):
                self.optimizer = SGD(model.parameters(), lr=lr)  # at 0
        trainer = Trainer(model, 0.1)  # at 1  # <-
        """,
    "an argument that a trainer keeps": """
        class Trainer:
            def __init__(self, model, lr):
                self.lr = lr
                self.optimizer = SGD(model.parameters(), lr=self.lr)  # at 0
        trainer = Trainer(model, lr=0.1)  # at 1  # <-
        """,
    "an attribute that a trainer sets": """
        class Trainer:
            def __init__(self, model):
                self.lr = 0.1  # <-
                self.optimizer = SGD(model.parameters(), lr=self.lr)  # at 0
        trainer = Trainer(model)  # at 1
        """,
    "an argument that a trainer hands to its base": """
        class Base:
            def __init__(self, model, lr):
                self.optimizer = SGD(model.parameters(), lr=lr)  # at 0
        class Trainer(Base):
            def __init__(self, model, lr=0.1):  # <-
                super().__init__(model, lr)  # at 1
        class Experiment:
            def __init__(self):
                self.trainer = Trainer(model)  # at 2
        Experiment()  # at 3
        """,
    "a group of parameters": """
        optimizer = SGD([{"params": body, "lr": 0.1}])  # at 0  # <-
        """,
    "a name among several": """
        epochs, lr = 30, 0.1  # <-
        optimizer = SGD(model.parameters(), lr=lr)  # at 0
        """,
    "a group of parameters over several lines": """
        optimizer = SGD(  # at 0
            [
                {"params": body.parameters(),
                 "lr": 0.1},  # <-
            ]
        )
        """,
    "keywords that are unpacked": """
        settings = {"momentum": 0.9, "lr": 0.1}  # <-
        optimizer = SGD(model.parameters(), **settings)  # at 0
        """,
}


@pytest.mark.parametrize("name", RATES)
def test_a_rate_is_followed_to_where_it_is_written(name: str) -> None:
    places, stack, wanted = marked(RATES[name])
    found = places.argument(stack, "lr", position=1)
    assert found is not None and found.line == wanted


def test_a_place_has_the_columns_of_its_span_whatever_stands_before_it() -> None:
    text = 'a = "\x0c\u2028"; b = 1\nréseau, opt = Net("雪"), SGD(réseau, lr=0.25, momentum=0.9)\n'
    start, end = text.splitlines(keepends=False)[-1].index("lr=") + 1, text.splitlines()[-1].index(", momentum") + 1
    found = Places({FILE: text}).argument([Where(FILE, 2)], "lr", position=1)
    assert found == Where(FILE, 2, start, end, 2)


def test_of_several_calls_on_a_line_the_one_at_the_columns_is_taken() -> None:
    line = "d, g = SGD(D.parameters(), lr=0.1), SGD(G.parameters(), lr=0.2)"
    places = Places({FILE: line})
    for call, rate in (("SGD(D.parameters(), lr=0.1)", "lr=0.1"), ("SGD(G.parameters(), lr=0.2)", "lr=0.2")):
        start = line.index(call) + 1
        found = places.argument([Where(FILE, 1, start, start + len(call), 1)], "lr")
        assert found is not None and found.column == line.index(rate) + 1


UPDATES = {
    "weights -= rate * gradient": """
        loss.backward()  # at 0
        with torch.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad  # <-
        """,
    "gradient * rate": """
        LR = 0.1  # <-
        loss.backward()  # at 0
        w.data -= w.grad * LR
        """,
    "weights = weights - rate * gradient": """
        loss.backward()  # at 0
        w = w - 0.1 * w.grad  # <-
        """,
    "add_ with alpha": """
        loss.backward()  # at 0
        p.data.add_(p.grad, alpha=-0.1)  # <-
        """,
    "sub_ of a product": """
        loss.backward()  # at 0
        p.sub_(0.1 * p.grad)  # <-
        """,
    "an option": """
        parser.add_argument("--lr", type=float, default=0.1)  # <-
        loss.backward()  # at 0
        w -= args.lr * w.grad
        """,
    "an argument of the training function": """
        def fit(w, lr=0.1):  # <-
            for _ in range(3):
                loss.backward()  # at 0
                w -= lr * w.grad
        fit(w)  # at 1
        """,
    "not what comes before or counts": """
        total -= 0.5 * loss
        loss.backward()  # at 0
        steps += 1
        w -= 0.1 * w.grad  # <-
        """,
}


@pytest.mark.parametrize("name", UPDATES)
def test_the_rate_of_a_written_out_update_is_found(name: str) -> None:
    places, stack, wanted = marked(UPDATES[name])
    found = places.rate_by_hand(stack[0], stack)
    assert found is not None and found.line == wanted


CONTAINERS = {
    "append to a list": """
        class Net(nn.Module):
            def __init__(self):
                self.head = []
                self.hids = []  # <-
                for _ in range(3):
                    self.hids.append(nn.Linear(4, 4))  # at 0
        """,
    "insert into a list that is not of self": """
        blocks = []  # <-
        blocks.insert(0, nn.Linear(4, 4))  # at 0
        """,
    "a list written out": """
        self.hids = [nn.Linear(4, 4), nn.Linear(4, 4)]  # at 0  # <-
        """,
    "a list over several lines": """
        self.hids = [  # <-
            nn.Linear(4, 4),
            nn.Linear(4, 4),  # at 0
        ]
        """,
    "a comprehension": """
        self.hids = [nn.Linear(4, 4) for _ in range(3)]  # at 0  # <-
        """,
    "an entry of a dictionary": """
        self.experts = {}  # <-
        for name in names:
            self.experts[name] = nn.Linear(4, 4)  # at 0
        """,
    "an annotated list": """
        self.hids: list[nn.Module] = []  # <-
        self.hids.append(nn.Linear(4, 4))  # at 0
        """,
    "added to a list": """
        self.hids = []  # <-
        for _ in range(3):
            self.hids += [nn.Linear(4, 4)]  # at 0
        """,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_of_layers_is_found_where_it_is_made(name: str) -> None:
    places, (at,), wanted = marked(CONTAINERS[name])
    found = places.container(at)
    assert found is not None and found.line == wanted


def test_a_layer_that_is_no_part_of_a_container_has_none() -> None:
    assert Places({FILE: "self.fc = nn.Linear(4, 4)"}).container(Where(FILE, 1)) is None
