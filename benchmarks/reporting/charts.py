"""Draws the pictures of docs/benchmarks.md as SVG, in the peers' environment, which has matplotlib.

    python -m benchmarks.reporting.charts CURVES.json FOLDER

CURVES.json is a list of pictures as `document` describes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_COLOURS = (
    "#1a6fb0",
    "#d1495b",
    "#2e8b57",
    "#e09f3e",
    "#7b5ea7",
    "#3f3f3f",
    "#c06c2b",
    "#5aa9a3",
    "#9b2d5b",
    "#888888",
    "#b8a400",
)
_STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "ragstone",
}


def main() -> None:
    """Draw every picture of the file."""
    pictures = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update(_STYLE)
    for picture in pictures:
        _draw(picture, folder / f"{picture['name']}.svg")


def _draw(picture: dict[str, Any], path: Path) -> None:
    panels = picture["panels"]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(max(7.2, 4.2 * len(panels)), 4.2), squeeze=False, layout="constrained"
    )
    for axis, panel in zip(axes[0], panels, strict=True):
        _panel(axis, panel)
    figure.suptitle(picture["title"], fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _panel(axis: Any, panel: dict[str, Any]) -> None:
    for place, line in enumerate(panel["lines"]):
        colour = _COLOURS[line.get("colour", place) % len(_COLOURS)]
        xs, ys = zip(*line["points"], strict=True)
        axis.plot(
            xs,
            ys,
            color=colour,
            label=line["label"],
            linewidth=2.4 if line.get("strong") else 1.4,
            linestyle="--" if line.get("dashed") else "-",
            marker="o" if len(xs) < 20 else None,
            markersize=5 if line.get("strong") else 4,
            zorder=3 if line.get("strong") else 2,
        )
    axis.set_title(panel.get("title", ""), fontsize=10)
    axis.set_xlabel(panel["x"])
    axis.set_ylabel(panel["y"])
    if panel.get("log_x"):
        axis.set_xscale("log")
    if panel.get("log_y"):
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=panel.get("least_y", 0))
    axis.legend(fontsize=8, frameon=False)


if __name__ == "__main__":
    main()
