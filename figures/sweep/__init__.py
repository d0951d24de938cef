"""A figure over values of its settings: points, runs, tables, pictures."""

from figures.sweep.files import write_files
from figures.sweep.picture import verdict_map
from figures.sweep.points import Design, design
from figures.sweep.run import Sweep, sweep
from figures.sweep.tree import swept_tree

__all__ = [
    "Design",
    "Sweep",
    "design",
    "sweep",
    "swept_tree",
    "verdict_map",
    "write_files",
]
