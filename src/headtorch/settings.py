"""Settings: what `[tool.headtorch]` in the nearest pyproject.toml chooses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headtorch.model import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rules run: `select` names the only ones, `ignore` the ones left out."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def read(folder: Path) -> Settings:
    """The settings that hold in a folder: of the pyproject.toml in it or the nearest one above that has some.

    Raises UserError when that file cannot be understood.
    """
    for above in (folder, *folder.parents):
        file = above / "pyproject.toml"
        if file.is_file():
            try:
                table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("headtorch")
                if table is not None:
                    return msgspec.convert(table, Settings)
            except (OSError, ValueError, msgspec.ValidationError) as error:
                raise UserError(f"cannot use [tool.headtorch] of '{file}': {error}") from error
    return Settings()


def split(values: Sequence[str]) -> tuple[str, ...]:
    """Names given as several options or as one list with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
