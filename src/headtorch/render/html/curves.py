"""Curves for the page's script, which draws them with zoom and cursor: the same records as JSON."""

from __future__ import annotations

import json
import math

from headtorch.figures import Chart
from headtorch.render.html.losses import Losses
from headtorch.render.html.thinning import rounded
from headtorch.render.visible import visible


def curves_json(losses: Losses) -> str:
    """The curves of a loss and of its rates. Safe inside a script element: no "<" is in it."""
    document = {
        "loss": _chart(losses.linear),
        "rates": _chart(losses.rates) if losses.rates is not None else None,
        "log": losses.logarithmic is not None,
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _chart(chart: Chart) -> dict[str, object]:
    return {
        "label": chart.y.label,
        "log": chart.y.log,
        "series": [
            {
                "name": visible(series.name),
                "colour": number if series.colour is None else series.colour,
                "dashed": series.dashed,
                "x": [int(x) for x in series.x],
                "y": _numbers(series.y),
                "low": _numbers(series.low),
                "high": _numbers(series.high),
            }
            for number, series in enumerate(chart.series)
        ],
        "bands": [{"label": visible(b.label), "low": _number(b.low), "high": _number(b.high)} for b in chart.bands],
        "markers": [{"label": visible(marker.label), "x": marker.x} for marker in chart.markers],
    }


def _numbers(values: tuple[float, ...]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    return rounded(value) if math.isfinite(value) else None
