"""What people look at: `rg.explain`, `rg.draw` and `rg.explore`.

`graph.py` reads the graph of a Node once, without recursion, into plain rows with names and formulas; what is shown are
views of these rows.
"""

from reelgrad.show.drawing import Drawing, DrawingError, draw
from reelgrad.show.explanation import Explanation, explain
from reelgrad.show.exploration import Exploration, explore
from reelgrad.show.summary import Summary

__all__ = ["Drawing", "DrawingError", "Explanation", "Exploration", "Summary", "draw", "explain", "explore"]
