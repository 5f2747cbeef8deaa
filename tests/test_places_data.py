"""Data is followed from the call that is given a batch to the line where its user prepares it, marked `# made`."""

from __future__ import annotations

import pytest

from headtorch.places import Places
from headtorch.places.data import prepared

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
    "a parameter": """
def fit(model, x, y):
    for batch in order():
        model(x[batch])

features = load() / 2  # made
fit(network, features, labels)
""",
}


@pytest.mark.parametrize("name", SOURCES)
def test_data_is_followed_to_where_it_is_prepared(name: str) -> None:
    source = SOURCES[name]
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    found = prepared(places, (call,))
    assert found is not None
    assert source.splitlines()[found.line - 1].endswith("# made")


@pytest.mark.parametrize(
    "source", ["model()\n", "model(3)\n", "x = x\nmodel(x)\n", "def f(x):\n    f(x)\n    model(x)\n"]
)
def test_what_cannot_be_followed_is_nowhere_or_somewhere(source: str) -> None:
    places = Places({"train.py": source})
    ((_, call),) = places.calls("train.py", "model")
    found = prepared(places, (call,))
    assert found is None or found.file == "train.py"
