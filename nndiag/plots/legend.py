"""The legend of a picture: below it, where it hides nothing."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

_MOST_BELOW = 20  # rows of a column
_HANDLE, _LETTER = 4.5, 0.55  # widths beside a label and of a letter, in letters' heights
_SCALE = 0.833  # matplotlib's "small"
_AXIS = 4.2  # letters' heights that ticks and label of the axis take


def explain(axes: Axes) -> None:
    """Tell what is drawn, below the axis, in as many columns as fit; nothing where it has no name.

    Args:
        axes: They are finished but for that.
    """
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        return
    height = float(mpl.rcParams["font.size"])
    figure = axes.get_figure(root=True)
    assert figure is not None
    offset = ScaledTranslation(0, -_AXIS * height / 72, figure.dpi_scale_trans)
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=axes.transAxes + offset,
        borderaxespad=0, borderpad=0, columnspacing=1.2, fontsize=_SCALE * height,
        ncols=_columns(labels, room=axes.get_window_extent().width * 72 / figure.dpi / height),
    )  # fmt: skip
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)  # one dot is as dark as many are


def _columns(labels: list[str], *, room: float) -> int:
    """How many columns fit.

    Args:
        labels: In their order, column by column.
        room: Width of the axes, in letters' heights.
    """
    widths = [_SCALE * (_HANDLE + _LETTER * len(label)) for label in labels]
    for columns in range(len(labels), 1, -1):
        parts = np.array_split(np.array(widths), columns)
        if sum(float(part.max()) for part in parts) <= room:
            return columns
    return -(-len(labels) // _MOST_BELOW)
