"""uPlot, which draws line charts with zoom and cursor: taken from npm when headtorch is built, see `hatch_build.py`.

Where it is missing, the page shows the charts that are drawn as SVG anyway.
"""

from __future__ import annotations

from headtorch.render.html.templates import STATIC

UPLOT = STATIC / "uplot"
UPLOT_SCRIPT = UPLOT / "uPlot.iife.min.js"
UPLOT_STYLE = UPLOT / "uPlot.min.css"
MISSING = (
    "Zoom and cursor need uPlot, which is not in this installation: headtorch was installed from source without npm."
)
