r"""Special functions of the statements, for arrays.

SymPy prints Gamma and erf for JAX as functions of Python floats, and turns the exponential
of a log-Gamma back into Gamma, which overflows at 171. `doit` gives SymPy's own.
"""

import sympy as sp

__all__ = ["Erf", "GammaQuotient"]


class GammaQuotient(sp.Function):
    r""":math:`\prod_k\Gamma(x_k)/\prod_k\Gamma(y_k)` of two tuples, all positive."""

    nargs = 2

    def doit(self, **hints):
        """As Gamma functions."""
        above, below = ([sp.gamma(z.doit(**hints)) for z in side] for side in self.args)
        return sp.Mul(*above) / sp.Mul(*below)

    def _latex(self, printer, exp=None):
        above, below = (
            "".join(rf"\Gamma\left({printer.doprint(z)}\right)" for z in side)
            for side in self.args
        )
        shown = rf"\frac{{{above}}}{{{below}}}"
        return shown if exp is None else rf"\left({shown}\right)^{{{exp}}}"

    def _jaxcode(self, printer):
        log_gamma = printer._module_format("jax.scipy.special.gammaln")
        exp = printer._module_format("jax.numpy.exp")
        above, below = (
            " + ".join(f"{log_gamma}({printer._print(z)})" for z in side)
            for side in self.args
        )
        return f"{exp}({above} - ({below}))"


class Erf(sp.Function):
    r""":math:`\operatorname{erf}(x)`."""

    nargs = 1

    def doit(self, **hints):
        """As SymPy's."""
        return sp.erf(self.args[0].doit(**hints))

    def _latex(self, printer, exp=None):
        shown = rf"\operatorname{{erf}}\left({printer.doprint(self.args[0])}\right)"
        return shown if exp is None else f"{shown}^{{{exp}}}"

    def _jaxcode(self, printer):
        erf = printer._module_format("jax.scipy.special.erf")
        return f"{erf}({printer._print(self.args[0])})"
