"""LaTeX as MathML, which browsers typeset without scripts or fonts of ours."""

import html
from xml.etree import ElementTree as ET

__all__ = ["mathml", "with_formulas"]

_SPACE = "http://www.w3.org/1998/Math/MathML"
_OVERLINES = ("―", "¯")


def mathml(latex: str, *, display: bool = True) -> str:
    """A ``<math>`` element; `display` puts it on a line of its own.

    Two things that latex2mathml leaves to the browser are settled here: bars, which the
    operator dictionary would space like a relation, and overlines, which stretch in few
    fonts.
    """
    from latex2mathml.converter import convert

    ET.register_namespace("", _SPACE)
    root = ET.fromstring(convert(latex, display="block" if display else "inline"))
    for bar in root.iter(f"{{{_SPACE}}}mo"):
        if bar.text == "|":
            bar.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}
    for over in root.iter(f"{{{_SPACE}}}mover"):
        if over[-1].text in _OVERLINES:
            over.remove(over[-1])
            over.tag = f"{{{_SPACE}}}mrow"
            over.attrib = {"class": "overline"}
    return ET.tostring(root, encoding="unicode")


def with_formulas(text: str) -> str:
    """`text` escaped for HTML, with what stands between dollar signs as MathML."""
    parts = text.split("$")
    if len(parts) % 2 == 0:  # an odd dollar sign is a dollar sign
        return html.escape(text)
    return "".join(
        mathml(part, display=False) if k % 2 else html.escape(part)
        for k, part in enumerate(parts)
    )
