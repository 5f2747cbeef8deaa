"""Places of conditions, of called variables, and of shared weights."""

from __future__ import annotations

from textwrap import dedent

from headtorch.model import Where
from headtorch.places import Places

FILE = "/home/user/train.py"
SOURCE = dedent(
    """\
    def forward(model, x):
        net = model.module if hasattr(model, "module") else model
        return net(x)
    for i, batch in enumerate(batches):
        if i % 4 == 0:
            optimizer.zero_grad()
        optimizer.step()
    if __name__ == "__main__":
        main()
    self.head.weight = self.table.weight
    self.head.weight.data.copy_(self.table.weight)
    self.head.weight = nn.Parameter(torch.randn(3, 4))
    self.head.weight.data = self.head.weight.data * 2
    model(x)
    class Shards(torch.utils.data.IterableDataset):
        pass
    shards = Shards("train")
    DataLoader(shards, batch_size=32)
    DataLoader(dataset=Shards("test"))
    DataLoader(Folder("train"), batch_size=32)
    def descend(self, noise):
        noise.add_(1.0)
        for p in self.weights:
            p.sub_(self.way[p])
        self.base.step()
    """
)
PLACES = Places({FILE: SOURCE})


def text_at(where: Where | None) -> str | None:
    """The source that a place of one line spans."""
    if where is None or where.column is None or where.end_column is None:
        return None
    return SOURCE.splitlines()[where.line - 1][where.column - 1 : where.end_column - 1]


def test_the_condition_of_a_line_in_a_loop_is_found() -> None:
    assert text_at(PLACES.condition_around(Where(FILE, 6))) == "i % 4 == 0"
    assert PLACES.condition_around(Where(FILE, 7)) is None
    assert PLACES.condition_around(Where(FILE, 9)) is None, "not in a loop"


def test_what_a_call_calls_is_found_where_it_was_assigned() -> None:
    place = PLACES.callee(Where(FILE, 3))
    assert place is not None and place.line == 2
    assert text_at(PLACES.callee(Where(FILE, 14))) == "model"


def test_statements_that_give_one_weight_to_another_are_found() -> None:
    assert [place.line for place in PLACES.ties(FILE, "table", "head")] == [10, 11]
    assert list(PLACES.ties(FILE, "table", "body")) == []


def test_a_loader_of_the_users_own_stream_is_known() -> None:
    loaders = [where for _, where in PLACES.calls(FILE, "DataLoader")]
    assert [PLACES.reads_a_stream(where) for where in loaders] == [True, True, False]
    assert not PLACES.reads_a_stream(Where(FILE, 3))


def test_a_change_of_weights_beside_a_step_is_found_where_it_loops_over_them() -> None:
    step = next(i for i, line in enumerate(SOURCE.splitlines(), 1) if "self.base.step" in line)
    assert text_at(PLACES.update_beside(Where(FILE, step))) == "p.sub_(self.way[p])"
    assert PLACES.update_beside(Where(FILE, 7)) is None
