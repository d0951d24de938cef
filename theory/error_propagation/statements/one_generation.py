r"""One generation: what the score error does to the next law, Prop 3.1 to Thm 3.4.

:math:`Z = M - \langle M\rangle/2` is the log-likelihood ratio of the learned against
the ideal reverse path, :math:`R = E[e^Z | Y_{t_0}]` the endpoint ratio and
:math:`h = E[M | Y_{t_0}]` its linear response, with squared L2(q) norm
:math:`\eta\varepsilon_\star^2`.
"""

import sympy as sp

from theory.error_propagation.statements.notation import (
    C_1,
    C_low,
    I,
    S,
    c_up,
    chi2_path,
    declare,
    energy_max,
    eps_hat2,
    eps_star2,
    eta,
    mean_response,
    r,
    start_kl,
    theta,
)

__all__ = [
    "bounded_energy_upper",
    "chi2_deterministic_gaussian",
    "chi2_lower",
    "chi2_lower_clean",
    "chi2_path_deterministic",
    "chi2_path_upper",
    "chi2_upper",
    "clean_regime",
    "eta_constant_error",
    "eta_linear_error",
    "kl_consistent",
    "kl_deterministic_gaussian",
    "kl_from_chi2",
    "kl_girsanov",
    "kl_girsanov_start",
    "remainder2",
    "remainder2_marginal",
    "sandwich_lower",
    "sandwich_upper",
    "theta_lower",
    "theta_upper",
]

KL, CHI2 = r"\mathrm{KL}(\hat p^{i+1}\|q_i)", r"\chi^2(\hat p^{i+1}\|q_i)"
visible = sp.sqrt(eta * eps_star2)  # L2(q) norm of the linear response h

# Upper bounds in KL
kl_girsanov = declare(
    "kl_girsanov", "Path-space bound on KL", "Prop 3.1", "paper",
    KL, r"\le", eps_hat2 / 2, (eps_hat2,),
    "A1, A2, both chains started from q_T. The energy is that of the learned path.",
)  # fmt: skip
kl_girsanov_start = declare(
    "kl_girsanov_start", "Path-space bound on KL, any start law", "Prop 3.1", "derived",
    KL, r"\le", start_kl + eps_hat2 / 2, (eps_hat2, start_kl),
    "A1, A2, learned chain started from pi: chain rule of KL over (start, path).",
)  # fmt: skip
kl_consistent = declare(
    "kl_consistent", "Consistent perturbation", "Prop 3.1", "derived",
    KL, "=", start_kl + eps_hat2 / 2, (eps_hat2, start_kl),
    "Learned score = exact score of some OU-evolved law p'_t, chain started from p'_T, "
    "start_kl = KL(p'_T || q_T): both path laws reverse an OU, so they have the same "
    "conditional law given the endpoint and data processing loses nothing.",
)  # fmt: skip

# Lower and two-sided bounds in chi2
chi2_lower = declare(
    "chi2_lower", "Lower bound on the intra-generation divergence", "Prop 3.3", "paper",
    CHI2, r"\ge", eta * eps_star2 / 4 - C_low * eps_star2**2, (eta, eps_star2, C_low),
    "A1-A4, eps_star2 <= 1. C depends on the constants of A3-A4 only, and is unknown.",
)  # fmt: skip
chi2_lower_clean = declare(
    "chi2_lower_clean", "Lower bound in the clean regime", "Prop 3.3", "paper",
    CHI2, r"\ge", eta * eps_star2 / 8, (eta, eps_star2),
    "A1-A4 and eps_star2 <= clean_regime.",
)  # fmt: skip
clean_regime = declare(
    "clean_regime", "Clean regime", "Prop 3.3", "paper",
    r"\varepsilon_\star^{2}", r"\le", sp.Min(1, eta / (8 * C_low)), (eta, C_low),
    "Largest energy for which chi2_lower implies chi2_lower_clean.",
)  # fmt: skip
chi2_upper = declare(
    "chi2_upper", "Upper bound on the intra-generation divergence", "Thm 3.4", "paper",
    CHI2, r"\le", 4 * eps_star2 + c_up * eps_star2**2, (eps_star2, c_up),
    "A1-A4, eps_star2 <= 1; c is unknown.",
)  # fmt: skip
remainder2 = declare(
    "remainder2", "Squared remainder of the sandwich", "from Thm 3.4", "derived",
    "r^2", "=", chi2_path + eps_star2 - 2 * eps_hat2, (eps_star2, eps_hat2, chi2_path),
    "r^2 = E*(e^Z - 1 - M)^2; E* M^2 = eps_star2 and E* e^Z M = eps_hat2.",
)  # fmt: skip
remainder2_marginal = declare(
    "remainder2_marginal", "Squared remainder at the endpoint", "from Thm 3.4",
    "derived", "r_m^2", "=", I + eta * eps_star2 - 2 * mean_response,
    (I, eta, eps_star2, mean_response),
    "r_m^2 = E_q(R - 1 - h)^2, E_q[R h] = E_phat h; at most r^2 (Jensen).",
)  # fmt: skip
sandwich_lower = declare(
    "sandwich_lower", "Sharp sandwich, lower side", "from Thm 3.4", "derived",
    CHI2, r"\ge", sp.Max(visible - r, 0) ** 2, (eta, eps_star2, r),
    "A1, A2, finite chi2_path. sqrt(I) = |R-1| and sqrt(eta) eps = |h| in L2(q); "
    "R - 1 - h = E[e^Z - 1 - M | Y] has norm at most r; triangle inequality.",
)  # fmt: skip
sandwich_upper = declare(
    "sandwich_upper", "Sharp sandwich, upper side", "from Thm 3.4", "derived",
    CHI2, r"\le", (visible + r) ** 2, (eta, eps_star2, r),
    "As sandwich_lower.",
)  # fmt: skip
theta_lower = declare(
    "theta_lower", "Lower bound, any leading constant below eta", "from Prop 3.3",
    "derived", CHI2, r"\ge",
    (1 - theta) * eta * eps_star2 - (1 / theta - 1) * C_1 * eps_star2**2,
    (eta, eps_star2, C_1, theta),
    "A2-A4, 0 < theta < 1, r <= sqrt(C_1) eps_star2: sandwich and Young. theta = 3/4 "
    "has the paper's leading 1/4; eps_star2 <= 1 is not needed.",
)  # fmt: skip
theta_upper = declare(
    "theta_upper", "Upper bound, any leading constant above eta", "from Thm 3.4",
    "derived", CHI2, r"\le",
    (1 + theta) * eta * eps_star2 + (1 + 1 / theta) * C_1 * eps_star2**2,
    (eta, eps_star2, C_1, theta),
    "A2-A4, theta > 0: sandwich and Young. theta = 3 and eta <= 1 give the paper's 4.",
)  # fmt: skip
chi2_path_upper = declare(
    "chi2_path_upper", "Data processing in chi2", "from Prop 3.1", "derived",
    CHI2, r"\le", chi2_path, (chi2_path,),
    "A2: the endpoint is a function of the path.",
)  # fmt: skip
bounded_energy_upper = declare(
    "bounded_energy_upper", "Bounded path energy", "from Prop 3.1", "derived",
    CHI2, r"\le", sp.exp(energy_max) - 1, (energy_max,),
    "The energy of a path is at most E_max surely: 1 + chi2_path = E_{drift + 2e} "
    "exp(energy).",
)  # fmt: skip
kl_from_chi2 = declare(
    "kl_from_chi2", "KL from chi2", "Jensen", "derived",
    KL, r"\le", sp.log(1 + I), (I,),
    "Jensen: E_phat log R <= log E_phat R.",
)  # fmt: skip

# Cases known in closed form
chi2_path_deterministic = declare(
    "chi2_path_deterministic", "Path chi2 of a time-only error", "worked case",
    "derived",
    r"\chi^2_{\mathrm{path}}", "=", sp.exp(eps_star2) - 1, (eps_star2,),
    "e depends on t alone: M is Gaussian with variance eps_star2 = eps_hat2.",
)  # fmt: skip
kl_deterministic_gaussian = declare(
    "kl_deterministic_gaussian", "KL of a time-only error, Gaussian data",
    "worked case", "derived", KL, "=", eta * eps_star2 / 2, (eta, eps_star2),
    "The endpoint is shifted, by sqrt(eta eps_star2) standard deviations.",
)  # fmt: skip
chi2_deterministic_gaussian = declare(
    "chi2_deterministic_gaussian", "chi2 of a time-only error, Gaussian data",
    "worked case", "derived", CHI2, "=", sp.exp(eta * eps_star2) - 1, (eta, eps_star2),
    "As kl_deterministic_gaussian.",
)  # fmt: skip
eta_constant_error = declare(
    "eta_constant_error", "Observability of a constant error", "worked case", "derived",
    r"\eta", "=", 4 * (1 - sp.exp(-S / 2)) ** 2 / S, (S,),
    "Data N(0, 1), e = b: eta = d1^2 / (b^2 S), d1 = b int_0^S e^{-s/2} ds.",
)  # fmt: skip
eta_linear_error = declare(
    "eta_linear_error", "Observability of a linear error", "worked case", "derived",
    r"\eta", "=", 2 * (1 - sp.exp(-S)) ** 2 / S, (S,),
    "Data N(0, 1), e = w x: h = V1 (y^2 - 1)/2 with V1 = 2 w int_0^S e^{-s} ds, so "
    "E h^2 = V1^2 / 2, and eps_star2 = w^2 S.",
)  # fmt: skip
