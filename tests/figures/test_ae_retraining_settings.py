"""Settings of ae4 to ae7 that cannot be meant are refused in one line."""

import pytest

from figures.autoencoder.presets.retraining import (
    CriticalTime,
    Retrained,
    Splitting,
    SurvivalMap,
)
from theory.validation import InputError

CASES = [
    (Retrained, {"t": 1.0}, r"t must be in \(0, 1\), got 1"),
    (Retrained, {"real_fraction": 1.5}, r"real_fraction must be in \[0, 1\], got 1.5"),
    (Retrained, {"generations": 0}, "generations must be >= 1, got 0"),
    (Retrained, {"taus": ()}, "taus must be at least one value"),
    (Retrained, {"dim": 3}, "dim must be >= 10, got 3"),
    (CriticalTime, {"levels": (0.3, 1.0)}, r"levels must be in \(0, 1\)"),
    (CriticalTime, {"t": 0.4}, "t must be in"),
    (CriticalTime, {"factors": (1.1, 1.2)}, "factors must be on both sides of 1"),
    (Splitting, {"factors": (0.7,)}, "factors must be one below 1, then one above"),
    (Splitting, {"shown": 0.2}, "shown must be in"),
    (SurvivalMap, {"highest": 0.1}, "highest must be > lowest"),
    (SurvivalMap, {"points": 40}, r"points must be in \[5, 20\], got 40"),
    (SurvivalMap, {"rate": 0.0}, "rate must be positive"),
]


@pytest.mark.parametrize(("kind", "changed", "says"), CASES)
def test_refused(kind, changed, says):
    kind()
    with pytest.raises(InputError, match=says) as caught:
        kind(**changed)
    assert "\n" not in str(caught.value)
