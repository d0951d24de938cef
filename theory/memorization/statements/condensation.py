r"""When the posterior over the training points condenses on one of them."""

import sympy as sp

from theory.memorization.statements.notation import N, declare, dim, sigma2

__all__ = ["condensation_noise", "condensation_time", "mutual_information"]

_RECALLED = "after Biroli et al. 2024 (recalled), checked here"
_information = 2 * sp.log(N) / dim

mutual_information = declare(
    "mutual_information", "Information of a noised point about itself",
    r"I(x_0; x_0+\sigma z)", dim / 2 * sp.log(1 + 1 / sigma2), (dim, sigma2),
    "x_0 ~ N(0, I_d), nats.", source="classical",
)  # fmt: skip
condensation_noise = declare(
    "condensation_noise", "Condensation of the empirical score", r"\sigma_c",
    1 / sp.sqrt(sp.exp(_information) - 1), (N, dim),
    "N points of N(0, I_d). mutual_information is log N: below this noise a noised point "
    "tells which training point it came from, and the empirical score points there.",
    source=_RECALLED,
)  # fmt: skip
condensation_time = declare(
    "condensation_time", "Condensation of the empirical score, noise time", "t_c",
    -sp.log(1 - sp.exp(-_information)), (N, dim),
    "Clock dX = -X/2 dt + dB, for which sigma^2 = e^t - 1, so log(1 + sigma_c^2). With "
    "dX = -X dt + sqrt(2) dB it is half of this.", source=_RECALLED,
)  # fmt: skip
