"""THE PICTURES: one `draw(trace, axes, …)` per file; the only code that knows matplotlib.

May import `trace` and what lies below it. Nothing is computed here that a report tells.

To add one: a file with `draw`, and a line in `figures.PLOTS`.
"""

from nndiag.plots.figures import save_plots

__all__ = ["save_plots"]
