"""Results on disk: atomic, labelled, versioned, never pickled. `Run` says where."""

from sim.store.archive import read_dataset, write_dataset
from sim.store.group import Group, resumable
from sim.store.run import Run

__all__ = ["Group", "Run", "read_dataset", "resumable", "write_dataset"]
