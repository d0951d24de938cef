"""Numbers as text: a value with its error in the last digits, an interval, a p-value."""

import math

__all__ = ["interval", "short", "with_error"]


def short(value: float, digits: int = 3) -> str:
    """Some digits; a dash for what is no number."""
    if math.isnan(value):
        return "-"
    return f"{value:.{digits}g}"


def with_error(value: float, error: float) -> str:
    """0.0123(14) for 0.0123 with the standard error 0.0014; without one, three digits."""
    if math.isnan(value):
        return "-"
    if not (math.isfinite(error) and error > 0.0):
        return short(value)
    decimals = 1 - math.floor(math.log10(error))
    scaled = round(error * 10.0**decimals)
    if scaled == 100:  # 0.0996 has become 0.10
        decimals, scaled = decimals - 1, 10
    if decimals <= 0:
        return f"{round(value, decimals):.0f}({round(error, decimals):.0f})"
    if abs(value) < 1e-4 and error < 1e-4:
        power = math.floor(math.log10(max(abs(value), error)))
        mantissa = with_error(value / 10.0**power, error / 10.0**power)
        return f"{mantissa}e{power:d}"
    return f"{value:.{decimals}f}({scaled:d})"


def interval(value: float, low: float, high: float) -> str:
    """Value and ends; the ends of a bracket alone, one of them if the other is infinite."""
    if math.isnan(low):
        return "-"
    if math.isinf(low):
        return f"<= {short(high)}"
    if math.isnan(value):
        return f"{short(low)} to {short(high)}"
    return f"{short(value)} [{short(low)}, {short(high)}]"
