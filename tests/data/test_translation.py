"""The corpus `translation`: what its splits share, and what stands in them."""

import re
from itertools import combinations

import pytest

from labkit.data import assets, corpora
from labkit.errors import LabError

LANGUAGES = {"fr": "fr-FR", "zh": "zh-CN"}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request) -> str:
    pack = f"jupyterlab-language-pack-{LANGUAGES[request.param]}"
    if assets.locate(pack) is None:
        pytest.skip(f"`labkit fetch {pack}` first")
    return request.param


@pytest.fixture
def pairs(language) -> dict[str, list[tuple[str, str]]]:
    """By split: (English, translated)."""
    corpus = corpora.load("translation", language=language)
    return {
        split: [(row["en"], row[language]) for row in rows["translation"]]
        for split, rows in corpus.items()
    }


def same(texts) -> set[str]:
    """As near-duplicates see them; what is all signs, as "%1", is like nothing."""
    return {key for text in texts if (key := corpora.normalise(text))}


class TestSplits:
    def test_they_share_no_near_duplicate_in_either_language(self, pairs):
        for one, other in combinations(pairs, 2):
            for side in (0, 1):
                texts = ([pair[side] for pair in pairs[at]] for at in (one, other))
                assert not same(next(texts)) & same(next(texts)), (one, other, side)

    def test_no_english_text_comes_twice(self, pairs):
        english = [text for rows in pairs.values() for text, _ in rows]
        assert len({corpora.normalise(text) for text in english}) == len(english)

    def test_the_english_alone_decides_the_split(self, pairs):
        for split, rows in pairs.items():
            assert {corpora.split_of(english) for english, _ in rows} == {split}

    def test_they_are_large_enough_for_the_lesson(self, pairs):
        assert len(pairs["train"]) >= 1_700
        assert len(pairs["validation"]) >= 250
        assert len(pairs["test"]) >= 850


class TestPairs:
    def test_every_one_is_translated_and_on_one_line(self, pairs):
        for english, translated in (pair for rows in pairs.values() for pair in rows):
            assert english.strip() == english != translated
            assert translated.strip() == translated != ""
            assert not re.search(r"[\n\t\0\x04]", english + translated)

    def test_hardly_any_loses_a_placeholder(self, pairs):
        both = [pair for rows in pairs.values() for pair in rows if "%1" in pair[0]]
        kept = ["%1" in translated for _, translated in both]
        assert len(both) > 200
        assert sum(kept) / len(kept) > 0.98

    def test_the_other_language_is_what_was_asked_for(self, language, pairs):
        translated = "".join(text for _, text in pairs["test"])
        chinese = len(re.findall(r"[\u4e00-\u9fff]", translated)) / len(translated)
        assert chinese > 0.5 if language == "zh" else chinese == 0


def test_french_is_the_default():
    if assets.locate("jupyterlab-language-pack-fr-FR") is None:
        pytest.skip("`labkit fetch translation` first")
    row = corpora.load("translation")["train"][0]
    assert {*row} == {"translation"}
    assert {*row["translation"]} == {"en", "fr"}


@pytest.mark.parametrize(
    ("profile", "language"),
    [("quick", "de"), ("quick", ""), ("full", "zh"), ("full", "de")],
)
def test_a_language_that_is_not_there_is_refused_and_those_there_are_named(
    profile, language
):
    with pytest.raises(LabError, match=r"quick has fr and zh; full has fr"):
        corpora.load("translation", profile=profile, language=language)
