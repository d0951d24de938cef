r"""From one generation to the next: D_{i+1} given D_i, Lemma F.1.

All follow from :math:`\delta_{i+1} = (1-\alpha)\,\delta_i + \zeta_i` in L2(p).
"""

import sympy as sp

from theory.error_propagation.statements.notation import (
    C,
    D,
    I,
    J,
    a,
    alpha,
    declare,
    eps_hat2,
    moment_q,
    moment_R,
    ratio_sup,
    tail,
    theta,
    tv,
)

__all__ = [
    "delayed_lower",
    "innovation_good_set",
    "innovation_lower",
    "innovation_moment",
    "innovation_upper",
    "memory_lower",
    "mixing",
    "one_step",
    "paper_step_lower",
    "step_linear",
    "step_lower",
    "step_tv",
    "step_upper",
    "young_lower",
    "young_upper",
]

rho = 1 - alpha
NEXT = "D_{i+1}"

mixing = declare(
    "mixing", "Mixing lemma", "Lemma F.1", "paper",
    r"\chi^2(q_i\|p)", "=", rho**2 * D, (alpha, D),
    "q_i/p - 1 = (1 - alpha) delta_i. TV contracts by 1 - alpha; KL by at least that.",
)  # fmt: skip
one_step = declare(
    "one_step", "One-step identity", "from Lemma F.1", "derived",
    NEXT, "=", rho**2 * D + 2 * (rho * C) + J, (alpha, D, J, C),
    "Expand |(1 - alpha) delta + zeta|^2.",
)  # fmt: skip

# (a)-(e): one_step with C eliminated by Cauchy-Schwarz or Young
step_upper = declare(
    "step_upper", "One-step inequality (a), upper", "from Lemma F.1", "derived",
    NEXT, r"\le", (rho * sp.sqrt(D) + sp.sqrt(J)) ** 2, (alpha, D, J),
    "Triangle inequality; equality for aligned innovations.",
)  # fmt: skip
step_lower = declare(
    "step_lower", "One-step inequality (a), lower", "from Lemma F.1", "derived",
    NEXT, r"\ge", (rho * sp.sqrt(D) - sp.sqrt(J)) ** 2, (alpha, D, J),
    "Triangle inequality; equality for cancelling innovations.",
)  # fmt: skip
young_upper = declare(
    "young_upper", "One-step inequality (b)", "from Lemma F.1", "derived",
    NEXT, r"\le", (1 + theta) * rho**2 * D + (1 + 1 / theta) * J, (alpha, D, J, theta),
    "theta > 0.",
)  # fmt: skip
step_linear = declare(
    "step_linear", "One-step inequality (b), theta = alpha/(1-alpha)", "from Lemma F.1",
    "derived", NEXT, r"\le", rho * D + J / alpha, (alpha, D, J),
    "alpha > 0.",
)  # fmt: skip
young_lower = declare(
    "young_lower", "One-step inequality (c)", "from Lemma F.1", "derived",
    NEXT, r"\ge", (1 - theta) * J - (1 / theta - 1) * rho**2 * D, (alpha, D, J, theta),
    "0 < theta < 1; theta = 1/2 is the paper's step.",
)  # fmt: skip
paper_step_lower = declare(
    "paper_step_lower", "The paper's lower step", "one-step recursion", "paper",
    NEXT, r"\ge", J / 2 - rho**2 * D, (alpha, D, J),
    "Always; D_{i+1} + (1 - alpha)^2 D_i >= J_i/2 >= alpha I_i/2.",
)  # fmt: skip
delayed_lower = declare(
    "delayed_lower", "One-step inequality (d)", "from Lemma F.1", "derived",
    NEXT, r"\ge", J / (1 + rho) - rho * D, (alpha, D, J),
    "Always; D_{i+1} + (1-alpha) D_i >= J_i/(2-alpha) >= alpha I_i/(2-alpha). Equality "
    "when zeta = -(2 - alpha) delta, which flips the sign of delta.",
)  # fmt: skip
memory_lower = declare(
    "memory_lower", "One-step inequality (e)", "from Lemma F.1", "derived",
    NEXT, r"\ge", (1 - theta) * rho**2 * D - (1 / theta - 1) * J, (alpha, D, J, theta),
    "0 < theta < 1: memory drops no faster unless cancelled.",
)  # fmt: skip
step_tv = declare(
    "step_tv", "One step in total variation", "from Prop 3.1", "derived",
    r"\mathrm{TV}_{i+1}", r"\le", rho * tv + sp.sqrt(eps_hat2) / 2,
    (alpha, tv, eps_hat2),
    "A1, A2 alone: TV(p_hat, q) <= eps_hat/2 (Pinsker on kl_girsanov), and mixing.",
)  # fmt: skip

# Innovation J against intra-generation divergence I
innovation_lower = declare(
    "innovation_lower", "Innovation, lower", "one-step recursion", "paper",
    "J_i", r"\ge", alpha * I, (alpha, I),
    "J = E_q[(q/p)(R-1)^2] and q/p >= alpha.",
)  # fmt: skip
innovation_upper = declare(
    "innovation_upper", "Innovation, bounded ratio", "replaces A5", "derived",
    "J_i", r"\le", ratio_sup * I, (I, ratio_sup),
    "q_i/p bounded.",
)  # fmt: skip
innovation_moment = declare(
    "innovation_moment", "Innovation, moment form (A5')", "replaces A5", "derived",
    "J_i", r"\le", moment_q ** (1 - 1 / a) * moment_R ** (1 / a),
    (a, moment_q, moment_R),
    "Hoelder with 1/a + 1/a' = 1, 2a <= 1 + delta; under A3-A4 at most C_J eps_star2.",
)  # fmt: skip
innovation_good_set = declare(
    "innovation_good_set", "Innovation, good-set form", "replaces A5", "derived",
    "J_i", r"\le", ratio_sup * I + tail, (I, ratio_sup, tail),
    "ratio_sup = B_i bounds q/p on G_i; tau_i = int over its complement of "
    "(p_hat - q)^2/p.",
)  # fmt: skip
