"""The corpus `translation`: what its splits share, and what stands in them."""

import re

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo

from labkit.data import interface, load, normalise, resolve, shared_texts, split_of


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[tuple[str, str]]]:
    """By split: (English, French)."""
    (wheel,) = resolve("translation")
    if not wheel.is_whole:
        pytest.skip("`labkit fetch translation` first")
    return {
        split: [(row["en"], row["fr"]) for row in rows["translation"]]
        for split, rows in load("translation").items()
    }


class TestSplits:
    def test_they_share_no_near_duplicate_in_either_language(self, pairs):
        for side in (0, 1):
            assert not any(shared_texts(pairs, side).values())

    def test_no_english_text_comes_twice(self, pairs):
        english = [text for rows in pairs.values() for text, _ in rows]
        assert len({normalise(text) for text in english}) == len(english)

    def test_the_english_alone_decides_the_split(self, pairs):
        for split, rows in pairs.items():
            assert {split_of(english) for english, _ in rows} == {split}

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


class TestInterface:
    def read(self, folder, messages, mnemonic=""):
        catalogue = Catalog(locale="fr")
        for identifier, translated, *context in messages:
            catalogue.add(
                identifier, translated, context=context[0] if context else None
            )
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "some.mo").open("wb") as file:
            write_mo(file, catalogue)
        return list(interface(folder, mnemonic=mnemonic))

    def test_a_message_is_a_pair(self, tmp_path):
        assert self.read(tmp_path, [("Open", "Ouvrir")]) == [("Open", "Ouvrir")]

    def test_of_a_plural_the_first_two_forms_are_pairs(self, tmp_path):
        plural = (("one file", "%d files"), ("un fichier", "%d fichiers"))
        assert self.read(tmp_path, [plural]) == [
            ("one file", "un fichier"),
            ("%d files", "%d fichiers"),
        ]

    def test_a_plural_half_translated_is_half_a_pair(self, tmp_path):
        plural = (("one file", "%d files"), ("un fichier", ""))
        assert self.read(tmp_path, [plural]) == [("one file", "un fichier")]

    def test_a_context_is_not_part_of_the_text(self, tmp_path):
        both = [("Open", "Ouvrir", "menu"), ("Open", "Ouvert", "state")]
        assert sorted(self.read(tmp_path, both)) == [
            ("Open", "Ouvert"),
            ("Open", "Ouvrir"),
        ]

    def test_what_is_not_translated_is_left_out(self, tmp_path):
        messages = [("Open", ""), ("Zoom", "Zoom"), ("Close", "Fermer")]
        assert self.read(tmp_path, messages) == [("Close", "Fermer")]

    def test_white_space_is_one_space(self, tmp_path):
        messages = [(" Open\n  it ", "L'ouvrir\t\n")]
        assert self.read(tmp_path, messages) == [("Open it", "L'ouvrir")]

    @pytest.mark.parametrize("sign", ["_", "&"])
    def test_the_sign_of_a_shortcut_is_taken_out(self, tmp_path, sign):
        messages = [(f"{sign}Open", f"Ou{sign}vrir")]
        assert self.read(tmp_path, messages, sign) == [("Open", "Ouvrir")]

    def test_a_sign_that_is_none_of_a_shortcut_stays(self, tmp_path):
        messages = [
            ("Cut & paste", "Couper & coller"),  # before a space
            ("&A && &B", "&A et &&B"),  # more than one
        ]
        assert sorted(self.read(tmp_path, messages, "&")) == sorted(messages)

    def test_without_a_sign_given_none_is_taken_out(self, tmp_path):
        messages = [("_Open", "_Ouvrir")]
        assert self.read(tmp_path, messages) == messages

    def test_all_catalogues_below_a_folder_are_read_in_order(self, tmp_path):
        self.read(tmp_path / "b", [("Close", "Fermer")])
        self.read(tmp_path / "a" / "deep", [("Open", "Ouvrir")])
        (tmp_path / "a" / "deep" / "other.json").write_text("{}")
        assert list(interface(tmp_path)) == [
            ("Open", "Ouvrir"),
            ("Close", "Fermer"),
        ]
