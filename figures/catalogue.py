"""Every figure, its presets and its claims, known without loading what computes them.

A catalogue module (``figures.error_propagation.presets``) names its records `FIGURES`,
`CLAIMS` and `PAPERS`. The environment variable ``DRIFTLAB_CATALOGUE`` adds modules of
your own, separated by commas; `register` does the same from a notebook.
"""

import difflib
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from theory.validation import InputError

if TYPE_CHECKING:
    from theory.claims import Claim

__all__ = [
    "BUILT_IN",
    "Figure",
    "Paper",
    "claims",
    "figures",
    "lookup",
    "papers",
    "register",
    "select",
]

BUILT_IN = (
    "figures.error_propagation.presets",
    "figures.self_consuming.presets",
    "figures.memorization.presets",
    "figures.autoencoder.presets",
    "figures.together.presets",
)

_CONTRACT = ("simulate", "predict", "draw", "judge", "caption")


@dataclass(frozen=True)
class Paper:
    """A section of the report."""

    id: str
    """What `Figure.paper` and `Claim.paper` say."""
    title: str
    citation: str
    """Authors, place, year."""
    question: str
    """The question the section answers, in one sentence."""
    url: str = ""


@dataclass(frozen=True)
class Figure:
    """A claim one can look at: where its code lies and what it may be asked."""

    id: str
    paper: str
    title: str
    shows: str
    """One sentence: what a reader sees in it."""
    module: str
    """Import name of the module with the five functions of the contract."""
    presets: Mapping[str, Any]
    """Frozen settings dataclasses by name."""
    claims: tuple[str, ...]
    """Ids of the claims its `judge` gives evidence for."""
    formulas: tuple[str, ...] = ()
    """Keys of the statements shown beside it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Expected time per preset."""
    megabytes: Mapping[str, float] = field(default_factory=dict)
    """Expected peak memory per preset, where it is known."""
    disk_megabytes: Mapping[str, float] = field(default_factory=dict)
    """Expected disk space per preset, where it is known."""
    runs_of: str = ""
    """Id of the figure whose simulation this one looks at, if not its own. Both have
    the same settings type and `simulate`; a run then serves both."""
    version: int = 1
    """To be raised with any change of what `simulate` computes: old results are then
    left alone and not mixed with new ones."""

    @property
    def run_id(self) -> str:
        """The figure id under which its runs are stored."""
        return self.runs_of or self.id

    @property
    def settings_type(self) -> type:
        """The dataclass of its settings, the same for every preset."""
        return type(next(iter(self.presets.values())))

    def load(self) -> ModuleType:
        """Its module, imported; `TypeError` when that lacks part of the contract."""
        module = importlib.import_module(self.module)
        missing = [name for name in _CONTRACT if not hasattr(module, name)]
        if missing:
            raise TypeError(f"{self.module} lacks {', '.join(missing)}")
        return module


class _Catalogue:
    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}
        self.claims: dict[str, Claim] = {}
        self.papers: dict[str, Paper] = {}
        self.loaded: set[str] = set()


_known = _Catalogue()


def register(
    figures: Iterable[Figure] = (),
    claims: Iterable["Claim"] = (),
    papers: Iterable[Paper] = (),
) -> None:
    """Add records of your own; a record with a known id replaces it."""
    _known.figures |= {figure.id: figure for figure in figures}
    _known.claims |= {claim.id: claim for claim in claims}
    _known.papers |= {paper.id: paper for paper in papers}


def figures() -> dict[str, Figure]:
    """Every figure by id, in the order of the catalogue."""
    _load()
    return dict(_known.figures)


def claims() -> dict[str, "Claim"]:
    """Every claim by id."""
    _load()
    return dict(_known.claims)


def papers() -> dict[str, Paper]:
    """Every paper by id; one that no module describes has its id for a title."""
    _load()
    ids = dict.fromkeys(f.paper for f in _known.figures.values())
    nameless = {id: Paper(id, title=id, citation="", question="") for id in ids}
    return nameless | _known.papers


def select(ids: Sequence[str]) -> list[Figure]:
    """The figures of these ids, all of them when there are none.

    Raises:
        InputError: unknown id; the line gives the nearest ones.
    """
    known = figures()
    for id in ids:
        lookup("figure", id, known)
    return [known[id] for id in dict.fromkeys(ids or known)]


def lookup(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a `name` that is not known, naming the nearest that are."""
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:8]
        raise InputError(
            f"{kind} must be a known one ({', '.join(near)}), got {name!r}."
        )


def _load() -> None:
    extra = os.environ.get("DRIFTLAB_CATALOGUE", "")
    for name in (*BUILT_IN, *filter(None, map(str.strip, extra.split(",")))):
        if name in _known.loaded:
            continue
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as e:
            if e.name is None or not name.startswith(e.name):
                raise
            raise InputError(
                f"DRIFTLAB_CATALOGUE must name importable modules, got {name!r}."
            ) from e
        register(module.FIGURES, module.CLAIMS, getattr(module, "PAPERS", ()))
        _known.loaded.add(name)
