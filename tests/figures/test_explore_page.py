"""Pictures and tables of the notebooks' pages."""

from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl

from figures import style
from figures.explore.page import (
    Number,
    legend_below,
    numbers,
    panels,
    picture,
    sentence,
)


def drawn(level: float):
    fig, (ax,) = panels(1)
    style.panel(ax, "a title", "x", "y", log="y")
    style.theory(ax, [1, 2, 3], [level, 2 * level, 3 * level], "curve")
    legend_below(ax)
    return fig


def test_sessions_that_draw_at_once_draw_what_each_draws_alone():
    before = dict(mpl.rcParams)
    alone = [picture(lambda level=level: drawn(level), "x").html for level in (1, 10)]
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(
            lambda k: picture(lambda: drawn((1, 10)[k % 2]), "x").html, range(8)
        )
        assert list(together) == alone * 4
    assert dict(mpl.rcParams) == before


def test_a_picture_says_what_it_shows_and_escapes_it():
    assert (
        'alt="D &lt; 1 &amp; &quot;so&quot;"'
        in picture(lambda: drawn(1.0), 'D < 1 & "so"').html
    )


def test_a_table_rounds_numbers_and_escapes_text():
    html = numbers(
        [Number("d", "D < 1", 0.123456, "nats"), Number("w", "why", "<b>")], "c"
    )
    assert ">0.1235</td><td>nats</td>" in html.html
    assert "D &lt; 1" in html.html
    assert "&lt;b&gt;" in html.html


def test_a_sentence_is_announced():
    assert 'role="status"' in sentence("regime", "Aligned").html
