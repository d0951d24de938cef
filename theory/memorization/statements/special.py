r"""Special functions of the statements, for arrays; `doit` gives SymPy's own.

SymPy prints neither for JAX. Ratios of Gamma functions are `GammaQuotient`.
"""

import sympy as sp

from theory.self_consuming.statements.special import GammaQuotient

__all__ = ["Digamma", "GammaQuotient", "LogGamma"]


class Digamma(sp.Function):
    r""":math:`\psi(x) = \Gamma'(x)/\Gamma(x)`."""

    nargs = 1

    def doit(self, **hints):
        """As SymPy's."""
        return sp.digamma(self.args[0].doit(**hints))

    def fdiff(self, argindex=1):
        """The trigamma function, SymPy's."""
        return sp.polygamma(1, self.args[0])

    def _latex(self, printer, exp=None):
        shown = rf"\psi\left({printer.doprint(self.args[0])}\right)"
        return shown if exp is None else f"{shown}^{{{exp}}}"

    def _jaxcode(self, printer):
        digamma = printer._module_format("jax.scipy.special.digamma")
        # JAX's takes no whole number
        return f"{digamma}(1.0*({printer._print(self.args[0])}))"


class LogGamma(sp.Function):
    r""":math:`\log\Gamma(x)`, x > 0."""

    nargs = 1

    def doit(self, **hints):
        """As SymPy's."""
        return sp.loggamma(self.args[0].doit(**hints))

    def _latex(self, printer, exp=None):
        shown = rf"\log\Gamma\left({printer.doprint(self.args[0])}\right)"
        return shown if exp is None else rf"\left({shown}\right)^{{{exp}}}"

    def _jaxcode(self, printer):
        log_gamma = printer._module_format("jax.scipy.special.gammaln")
        return f"{log_gamma}({printer._print(self.args[0])})"
