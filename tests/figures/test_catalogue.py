"""Look-ups, plug-ins, and settings given as text."""

import dataclasses
import sys
import types
from typing import Literal

import pytest

from figures import catalogue
from figures.catalogue import Figure
from figures.overrides import field_docs, from_stored, override
from theory.claims import Claim
from theory.validation import InputError


def test_figures_come_in_order_and_only_once(toy):
    assert [f.id for f in catalogue.select([])] == ["walk", "walk-again"]
    chosen = catalogue.select(["walk-again", "walk", "walk"])
    assert [f.id for f in chosen] == ["walk-again", "walk"]
    assert [f.run_id for f in chosen] == ["walk", "walk"]
    assert list(catalogue.claims()) == ["toy.bound", "toy.tight", "toy.mean"]


def test_unknown_figures_are_refused_with_the_nearest(toy):
    with pytest.raises(InputError, match=r"known one \(walk, walk-again\), got 'wlak'"):
        catalogue.select(["wlak"])


def test_a_paper_nobody_describes_is_known_by_its_id(toy):
    assert catalogue.papers()["unnamed"].title == "unnamed"
    assert catalogue.papers()["walks"].question.startswith("How far")


def test_plug_ins_by_environment_and_by_call(toy, monkeypatch):
    monkeypatch.setattr(catalogue, "_known", catalogue._Catalogue())
    mine = dataclasses.replace(toy.FIGURES[0], id="mine")
    module = types.ModuleType("my_catalogue")
    module.FIGURES, module.CLAIMS = (mine,), ()
    monkeypatch.setitem(sys.modules, "my_catalogue", module)
    monkeypatch.setenv("DRIFTLAB_CATALOGUE", "my_catalogue")
    assert list(catalogue.figures()) == ["walk", "walk-again", "mine"]
    claim = Claim("c", "walks", "Prop 9", "derived", "s")
    catalogue.register([dataclasses.replace(mine, id="other")], [claim])
    assert "other" in catalogue.figures()
    assert catalogue.claims()["c"] == claim
    monkeypatch.setenv("DRIFTLAB_CATALOGUE", "no_such_module")
    with pytest.raises(InputError, match="importable modules, got 'no_such_module'"):
        catalogue.figures()


def test_a_figure_module_must_fulfil_the_contract(toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "half", types.ModuleType("half"))
    figure = Figure("h", "walks", "t", "s", "half", {"smoke": toy.Walk()}, ())
    with pytest.raises(TypeError, match="half lacks simulate, predict, draw, judge"):
        figure.load()
    assert toy.FIGURES[0].load() is toy


# ---- settings given as text


@dataclasses.dataclass(frozen=True)
class Rich:
    seeds: int = 1
    """how many"""
    width: int | None = None
    kind: Literal["kernel", "network"] = "kernel"
    """which learner,
    by name"""
    alphas: tuple[float, ...] = (0.1,)
    window: tuple[float, int] = (0.0, 1)
    on: bool = True


def rich() -> Figure:
    return Figure("rich", "walks", "t", "s", "m", {"quick": Rich()}, ())


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("seeds", "12", 12),
        ("seeds", "1e3", 1000),
        ("seeds", "9007199254740993", 2**53 + 1),
        ("width", "none", None),
        ("width", "64", 64),
        ("kind", "network", "network"),
        ("alphas", "0.1,.5,1", (0.1, 0.5, 1.0)),
        ("alphas", "0.3", (0.3,)),
        ("window", "0.5,3", (0.5, 3)),
        ("on", "false", False),
        ("on", "Yes", True),
    ],
)
def test_fields_are_typed_by_their_annotation(field, text, value):
    found = getattr(override([rich()], "quick", {field: text})["rich"], field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("seeds", "2.5", "seeds must be a whole number, got '2.5'"),
        ("seeds", "two", "seeds must be a whole number, got 'two'"),
        ("seeds", None, "seeds must be followed by a value"),
        ("kind", "kernl", r"kind must be a known one \(kernel\), got 'kernl'"),
        ("alphas", "0.1,x", "alphas must be a number, got 'x'"),
        ("alphas", "", "alphas must be some values separated by commas"),
        ("window", "1", "window must be 2 values separated by commas"),
        ("on", "maybe", "on must be true or false, got 'maybe'"),
        ("alpha", "1", r"setting must be a known one \(alphas\), got 'alpha'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field, text, message):
    with pytest.raises(InputError, match=message):
        override([rich()], "quick", {field: text})


def test_a_field_applies_to_every_figure_that_has_it(toy):
    walk = toy.FIGURES[0]
    settings = override([rich(), walk], "quick", {"seeds": "3", "step": "0.5"})
    assert settings["rich"] == Rich(seeds=3)
    assert settings["walk"] == toy.Walk(seeds=3, step=0.5)
    with pytest.raises(InputError, match="preset of rich"):
        override([rich()], "paper", {})


def test_settings_survive_their_json(toy):
    walk = toy.FIGURES[0]
    stored = dataclasses.asdict(toy.Walk(marks=(3,))) | {"marks": [3]}
    del stored["seeds"]
    assert from_stored(walk, stored, seeds=9) == toy.Walk(marks=(3,), seeds=9)
    with pytest.raises(InputError, match=r"another version of driftlab \(speed\)"):
        from_stored(walk, stored | {"speed": 1}, seeds=9)


def test_field_docs_are_the_strings_under_the_fields(toy):
    docs = field_docs(Rich)
    assert docs["seeds"] == "how many"
    assert docs["kind"] == "which learner, by name"
    assert docs["width"] == ""
    derived = dataclasses.make_dataclass(
        "Derived", [("extra", int, 0)], bases=(Rich,), frozen=True
    )
    assert field_docs(derived)["seeds"] == "how many"
