"""LaTeX as MathML, which browsers typeset without scripts or fonts of ours."""

import html
import re

__all__ = ["mathml", "with_formulas"]

# latex2mathml leaves bars to the operator dictionary, which spaces them like a
# relation, and draws an overline with a dash that does not stretch.
_BAR = re.compile(r'<mo stretchy="false">(&#x0007C;|\|)</mo>')
_OVERLINE = re.compile(r'<mo( accent="true")?>(&#x02015;|&#x000AF;)</mo>')


def mathml(latex: str, *, display: bool = True) -> str:
    r"""A ``<math>`` element; `display` puts it on a line of its own.

    >>> mathml(r"\eta", display=False)
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>&#x003B7;</mi></mrow></math>'
    """  # noqa: E501
    from latex2mathml.converter import convert

    element = convert(latex, display="block" if display else "inline")
    element = _BAR.sub(
        r'<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>', element
    )
    return _OVERLINE.sub(r'<mo stretchy="true" accent="true">&#x000AF;</mo>', element)


def with_formulas(text: str) -> str:
    """`text` escaped for HTML, with what stands between dollar signs as MathML."""
    parts = text.split("$")
    if len(parts) % 2 == 0:  # an odd dollar sign is a dollar sign
        return html.escape(text)
    return "".join(
        mathml(part, display=False) if k % 2 else html.escape(part)
        for k, part in enumerate(parts)
    )
