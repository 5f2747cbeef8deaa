"""Data is followed from the call that is given a batch to the line where its user prepares it, marked `# made`."""

from __future__ import annotations

import pytest

from headtorch.places import Places
from headtorch.places.data import columns, order, prepared

SOURCES = {
    "an assignment": "x = load() / 2  # made\nmodel(x)\n",
    "a part of it, in another form": "x = load()  # made\nmodel(x[batch].float())\n",
    "the last of several": "x = load()\nx = x / 255  # made\nmodel(x)\n",
    "behind a conversion": "a = load()\nb = a.reshape(-1, 1)  # made\nx = torch.tensor(b)\nmodel(x)\n",
    "not into a library": "a, b = load_digits(return_X_y=True)\nx = torch.tensor(a)  # made\nmodel(x)\n",
    "a batch of a loader": """
x, y = split(data)  # made
loader = DataLoader(TensorDataset(x, y), batch_size=8)
for epoch in range(3):
    for inputs, targets in loader:
        model(inputs)
""",
    "numbered batches": """
x = load()  # made
for step, (inputs, targets) in enumerate(DataLoader(TensorDataset(x, y))):
    model(inputs)
""",
    "zipped parts": "x = load()  # made\nfor a, b in zip(x.split(8), y.split(8)):\n    model(a)\n",
    "a data set of the user's": """
class Images(Dataset):
    def __getitem__(self, index):
        image = self.images[index]
        return image / 255, self.labels[index]  # made

train, test = random_split(Images(), [8, 2])
for image, label in DataLoader(train):
    model(image)
""",
    "a function of the user's": """
def load():
    x = read()
    return x / 255, y  # made

inputs, targets = load()
model(inputs)
""",
    "what a data set merely hands out": """
class Answers(Dataset):
    def __init__(self, frame):
        self.x = frame.to_numpy()  # made
        self.y = frame.y

    def __getitem__(self, index):
        return self.x[index], self.y[index]

for x, y in DataLoader(Answers(frame)):
    model(x)
""",
    "a loop in a comprehension": """
x = load() / 2  # made
right = sum(model(a) for a, b in zip(x.split(8), y.split(8)))
""",
    "a star that a function unpacks": """
def fit(model, x, y):
    model(x)

def data():
    x, y = load() / 2, 3
    return x, y  # made

fit(network, *data())
""",
    "a parameter": """
def fit(model, x, y):
    for batch in order():
        model(x[batch])

features = load() / 2  # made
fit(network, features, labels)
""",
}


OBJECT = """
class Trainer:
    def __init__(self, net, x, y):
        self.rows = x
    def fit(self):
        for batch in self.rows:
            model(batch)

Trainer(net, *data()).fit()
"""


@pytest.mark.parametrize("name", SOURCES)
def test_data_is_followed_to_where_it_is_prepared(name: str) -> None:
    source = SOURCES[name]
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    found = prepared(places, (call,))
    assert found is not None
    assert source.splitlines()[found.line - 1].endswith("# made")


@pytest.mark.parametrize(
    "source", ["model()\n", "model(3)\n", "x = x\nmodel(x)\n", "def f(x):\n    f(x)\n    model(x)\n", OBJECT]
)
def test_what_cannot_be_followed_is_nowhere_or_somewhere(source: str) -> None:
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    found = prepared(places, (call,))
    assert found is None or found.file == "train.py"


def test_a_data_set_may_be_followed_only_to_where_it_is_made() -> None:
    source = SOURCES["a data set of the user's"]
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    found = prepared(places, (call,), made=True)
    assert found is not None
    assert source.splitlines()[found.line - 1] == "train, test = random_split(Images(), [8, 2])"


ORDERS = {
    "indices": "rows = torch.arange(n)  # made\nfor i in range(0, n, 8):\n    model(x[rows[i:i + 8]])\n",
    "a stretch of them": "rows = list(range(9))  # made\ntake = rows[3:5]\nmodel(x[take])\n",
    "no indices": "model(x[3:5])\n",
    "none that are made by a call": "rows = [1, 2]\nmodel(x[rows])\n",
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_examples_is_found_where_their_indices_are_made(name: str) -> None:
    lines = ORDERS[name].splitlines()
    places = Places({"train.py": ORDERS[name]})
    ((_, call),) = places.calls("train.py", "model")
    found = order(places, call)
    marked = [number for number, line in enumerate(lines, 1) if line.endswith("# made")]
    assert ([found.line] if found is not None else []) == marked


def test_columns_are_found_where_they_are_named() -> None:
    source = 'used = ["age", "weight"]\nx = torch.tensor(frame[used].to_numpy())\nmodel(x)\n'
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    made = prepared(places, (call,))
    assert made is not None and columns(places, made).line == 1
