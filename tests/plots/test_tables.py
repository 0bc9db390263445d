"""A table of texts is read from the left."""

import pandas as pd

from labkit.plots import table

TEXTS = {"ours": ["a <b>", "c", "d"], "score": [1.25, 2.0, 3.0]}


def test_texts_are_aligned_left_and_the_index_is_not_shown():
    html = table(TEXTS).to_html()
    assert "text-align: left" in html
    assert "row_heading" not in html
    assert "a &lt;b&gt;" in html, "what looks like HTML is a text, too"


def test_it_shows_the_first_rows_and_one_decimal():
    html = table(pd.DataFrame(TEXTS), rows=2).to_html()
    assert html.count("<tr>") == 3  # with the names of the columns
    assert "1.2</td>" in html


def test_a_frame_it_was_given_stays_as_it_is():
    frame = pd.DataFrame(TEXTS)
    table(frame)
    assert frame["score"].tolist() == TEXTS["score"]
