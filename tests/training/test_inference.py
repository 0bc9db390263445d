"""What `generate` and `label_scores` promise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import classifier, gpt, labelled, llama, masked_lm, t5, word_tokenizer
from transformers import (
    AutoModelForCausalLM,
    LlamaModel,
    LogitsProcessor,
    MambaConfig,
    MistralConfig,
)

from labkit.errors import LabError
from labkit.training import chat_tokens, generate, label_scores, prefix


def loud(build):
    """With weights so large that no two texts are alike."""
    model = build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 16 if parameter.ndim > 1 else 1
    return model.eval()


@pytest.fixture(scope="module", params=[t5, gpt, llama])
def model(request):
    return loud(request.param)


@pytest.fixture(scope="module", params=[gpt, llama])
def decoder(request):
    return loud(request.param)


@pytest.fixture
def widths(monkeypatch):
    """Of every call of a decoder, how many rows and how many new tokens."""
    seen: list[tuple[int, int]] = []
    original = prefix.read

    def noting(model, input_ids, attention_mask, past_key_values=None, last=1):
        cached = past_key_values.get_seq_length() if past_key_values else 0
        seen.append((len(input_ids), attention_mask.shape[1] - cached))
        return original(model, input_ids, attention_mask, past_key_values, last)

    monkeypatch.setattr(prefix, "read", noting)
    monkeypatch.setattr("labkit.training.decoding.read", noting)
    return seen


ROWS = [{"input_ids": row["input_ids"]} for row in labelled(21, seed=1)]
SHOTS = np.random.default_rng(2).integers(10, 50, 40).tolist()
PROMPTS = [{"input_ids": [*SHOTS, *row["input_ids"]]} for row in ROWS]


def alone(model, row, **options) -> str:
    ids = torch.tensor([row["input_ids"]])
    with torch.no_grad():
        written = model.eval().generate(ids, max_new_tokens=12, **options)[0]
    start = 0 if model.config.is_encoder_decoder else ids.shape[1]
    return word_tokenizer().decode(written[start:], skip_special_tokens=True)


def together(model, rows, **options) -> list[str]:
    usual = {"max_new_tokens": 12, "precision": "fp32"}
    return generate(model, word_tokenizer(), rows, **usual | options)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_every_text_is_token_for_token_the_one_written_alone(model, batch_size):
    texts = together(model, ROWS, batch_size=batch_size)
    assert texts == [alone(model, row, do_sample=False) for row in ROWS]
    assert len(set(texts)) > 15  # so that the order is seen


def test_options_are_those_of_the_models_own_generate(model):
    options = {"num_beams": 3, "no_repeat_ngram_size": 2}
    texts = together(model, ROWS, **options)
    expected = [alone(model, row, do_sample=False, **options) for row in ROWS]
    assert texts == expected
    assert texts != together(model, ROWS)


def test_it_is_greedy_whatever_the_models_own_settings_say(model):
    before = generate(model, word_tokenizer(), ROWS, precision="fp32")
    model.generation_config.do_sample = True
    model.generation_config.num_beams = 2
    try:
        assert generate(model, word_tokenizer(), ROWS, precision="fp32") == before
    finally:
        model.generation_config.do_sample = False
        model.generation_config.num_beams = 1


def test_texts_are_tokenized_and_a_decoders_tokenizer_may_lack_padding(model):
    texts = [" ".join(f"w{number:02}" for number in row["input_ids"]) for row in ROWS]
    tokenizer = word_tokenizer(padding=model.config.is_encoder_decoder)
    from_texts = generate(model, tokenizer, texts, precision="fp32")
    w00_is_a_word = [text.replace("w00", "").split() for text in from_texts]
    from_rows = generate(model, word_tokenizer(), ROWS, precision="fp32")
    assert w00_is_a_word == [text.split() for text in from_rows]


def test_the_longest_come_first_in_batches_of_like_length(model, monkeypatch):
    widths, original = [], model.generate

    def noting(**options):
        widths.append(options["input_ids"].shape[1])
        return original(**options)

    monkeypatch.setattr(model, "generate", noting)
    generate(model, word_tokenizer(), ROWS, batch_size=4, max_new_tokens=2)
    lengths = sorted((len(row["input_ids"]) for row in ROWS), reverse=True)
    assert widths == lengths[::4]


@pytest.mark.parametrize(
    ("inputs", "said"), [([], "no inputs"), ([*ROWS, ""], "input 21 has no tokens")]
)
def test_nothing_to_go_on_from_is_refused(model, inputs, said):
    with pytest.raises(LabError, match=said):
        generate(model, word_tokenizer(), inputs)


def test_a_decoder_does_not_read_what_a_mask_leaves_out(decoder):
    """Wherever it stands: before, between or behind."""
    holes = [
        {
            "input_ids": [11, 12, *row["input_ids"][:2], 13, *row["input_ids"][2:], 14],
            "attention_mask": [0, 0, 1, 1, 0, *[1] * (len(row["input_ids"]) - 2), 0],
        }
        for row in ROWS
    ]
    assert together(decoder, holes) == together(decoder, ROWS)


class TestWhatAllPromptsShare:
    @pytest.mark.parametrize("batch_size", [1, 4, 64])
    def test_it_is_read_once_and_changes_no_text(self, decoder, widths, batch_size):
        texts = together(decoder, PROMPTS, batch_size=batch_size)
        assert texts == [alone(decoder, row, do_sample=False) for row in PROMPTS]
        assert widths == [(1, 40)]
        assert len(set(texts)) > 15

    @pytest.mark.parametrize(
        "options",
        [
            {"num_beams": 3},
            {"repetition_penalty": 1.5},
            {"num_beams": 2, "no_repeat_ngram_size": 2},
            {"eos_token_id": [1, 20, 21, 22, 23, 24, 25]},
        ],
        ids=str,
    )
    def test_nor_with_options(self, decoder, widths, options):
        """What looks back at the prompt sees it as it is, and in its order."""
        texts = together(decoder, PROMPTS, batch_size=4, **options)
        assert texts == [alone(decoder, row, **options) for row in PROMPTS]
        assert widths == [(1, 40)]

    def test_nor_what_is_sampled(self, decoder, widths, monkeypatch):
        def sampled():
            torch.manual_seed(3)
            options = {"do_sample": True, "temperature": 2.0, "top_p": 0.95, "top_k": 0}
            return together(decoder, PROMPTS, batch_size=4, **options)

        shared, again = sampled(), sampled()
        assert len(widths) == 2
        monkeypatch.setattr(prefix, "WORTHWHILE", np.inf)
        assert shared == again == sampled()
        assert len(widths) == 2
        assert shared != together(decoder, PROMPTS)

    @pytest.mark.parametrize(
        ("rows", "length"),
        [
            ([SHOTS] * 4, 39),
            ([SHOTS, SHOTS[:-7], [*SHOTS, 9, 9], SHOTS, SHOTS[:-1]], 32),
            ([SHOTS[:1], *[SHOTS] * 4], 0),
            ([SHOTS], 0),
            ([SHOTS, [9, *SHOTS]], 0),
        ],
        ids=["identical", "one the whole of it", "one token", "one prompt", "nothing"],
    )
    @pytest.mark.parametrize("batch_size", [2, 64])
    def test_each_keeps_a_token(
        self, decoder, widths, monkeypatch, rows, length, batch_size
    ):
        monkeypatch.setattr(prefix, "WORTHWHILE", 1)
        rows = [{"input_ids": ids} for ids in rows]
        texts = together(decoder, rows, batch_size=batch_size)
        assert texts == [alone(decoder, row) for row in rows]
        assert widths == ([(1, length)] if length else [])

    @settings(max_examples=25, deadline=None)
    @given(
        shared=st.lists(st.integers(10, 49), max_size=30),
        rest=st.lists(
            st.lists(st.integers(10, 12), min_size=1, max_size=6), max_size=9
        ),
        batch_size=st.integers(1, 5),
    )
    def test_any_prompts_score_as_alone(self, shared, rest, batch_size):
        decoder = _DECODERS[len(shared) % 2]
        rows = [{"input_ids": [*shared, 10, *ids]} for ids in [[11], *rest]]
        ends = ["w10", "w11 w12 w13", "w12 w10"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prefix, "WORTHWHILE", 1)
            found = scores(decoder, rows, ends, batch_size=batch_size)
        assert found == pytest.approx(by_hand(decoder, rows, ends), abs=2e-4)

    def test_too_little_to_pay_is_not_read_apart(self, decoder, widths):
        together(decoder, [{"input_ids": [*SHOTS[:12], *r["input_ids"]]} for r in ROWS])
        assert widths == []  # 20 × 12 tokens
        together(decoder, [{"input_ids": [*SHOTS[:13], *r["input_ids"]]} for r in ROWS])
        assert widths == [(1, 13)]

    @pytest.mark.parametrize(
        "options",
        [
            {"use_cache": False},
            {"cache_implementation": "static"},
            {"prompt_lookup_num_tokens": 2},
        ],
        ids=str,
    )
    def test_it_is_not_where_the_cache_is_another(self, widths, options):
        decoder = loud(llama)
        rows, size = PROMPTS[:8], 1 if "prompt_lookup_num_tokens" in options else 4
        expected = [alone(decoder, row) for row in rows]
        assert together(decoder, rows, batch_size=size, **options) == expected
        for name, value in options.items():
            setattr(decoder.generation_config, name, value)
        assert together(decoder, rows, batch_size=size) == expected
        assert widths == []

    def test_it_is_not_where_places_count(self, widths):
        """A gap in the cache would move tokens out of a sliding window."""
        sizes = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 64}
        sizes |= {"num_hidden_layers": 2, "num_attention_heads": 4}
        sizes |= {"num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 1}
        config = MistralConfig(**sizes, sliding_window=16)
        torch.manual_seed(0)
        windowed = loud(lambda: AutoModelForCausalLM.from_config(config))
        texts = together(windowed, PROMPTS, batch_size=4)
        assert texts == [alone(windowed, row) for row in PROMPTS]
        assert widths == [(1, 40)]  # tried, and not used
        ends = ["w10", "w11 w12"]
        found = scores(windowed, PROMPTS, ends)
        assert found == pytest.approx(by_hand(windowed, PROMPTS, ends), abs=2e-4)


class TestStop:
    def test_each_text_ends_before_the_first_of_them(self, model):
        whole = together(model, PROMPTS)
        words = [text.split() for text in whole]
        long = [said for said in words if len(said) > 8]
        stop = [said[n] for said, n in zip(long, (3, 5, 8), strict=False)]
        texts = together(model, PROMPTS, stop=stop)
        assert texts == [first_part(text, stop) for text in whole]
        assert len({len(text) for text in texts}) > 2

    def test_each_row_stops_on_its_own_and_nothing_is_written_after_the_last(
        self, decoder, monkeypatch
    ):
        row = PROMPTS[2:3]
        whole = together(decoder, row)[0]
        written, original = [], decoder.generate

        def noting(**options):
            made = original(**options)
            written.append(made.shape[1] - options["input_ids"].shape[1])
            return made

        monkeypatch.setattr(decoder, "generate", noting)
        stop = " ".join(whole.split()[3:5])
        assert together(decoder, row, stop=stop) == [first_part(whole, [stop])]
        assert written == [5]

    def test_a_stop_in_the_prompt_ends_nothing(self, decoder):
        rows = [PROMPTS[place] for place in (2, 3, 4)]
        for row, text in zip(rows, together(decoder, rows), strict=True):
            end = word_tokenizer().decode(row["input_ids"][-1:])
            assert together(decoder, [row], stop=[end]) == [first_part(text, [end])]
            across = f"{end} {text.split()[0]}"
            expected = first_part(text, [across])
            assert together(decoder, [row], stop=[across]) == [expected]

    def test_it_ends_beams_too(self, decoder):
        options = {"num_beams": 3}
        for text in together(decoder, PROMPTS[:6], stop=["w3", "w4"], **options):
            assert "w3" not in text
            assert "w4" not in text

    @pytest.mark.parametrize("stop", [[""], ["w01"], [3], ["w10", "w00"]], ids=str)
    def test_what_no_text_holds_is_refused(self, stop):
        with pytest.raises(LabError, match="stop"):
            together(gpt(), ROWS, stop=stop)

    def test_other_criteria_and_processors_stay(self, decoder):
        class Never(LogitsProcessor):
            def __call__(self, input_ids, scores):
                scores[:, 20:] = -torch.inf
                return scores

        texts = together(decoder, PROMPTS, logits_processor=[Never()], stop=["w15"])
        assert {word for text in texts for word in text.split()} <= {
            f"w{number:02}" for number in range(20) if number != 15
        }


def first_part(text: str, stop: list[str]) -> str:
    return min((text.split(end)[0] for end in stop), key=len)


# --- label_scores -------------------------------------------------------------------

ENDS = ["w10", "w11 w12", "w13 w10 w14 w15", "w16", "w11 w13"]


def scores(model, rows, ends, **options):
    tokenizer = word_tokenizer()
    tokenizer.unk_token = "w02"
    return label_scores(model, tokenizer, rows, ends, **{"precision": "fp32"} | options)


def by_hand(model, rows, ends) -> np.ndarray:
    """In float64, one prompt and one continuation at a time, and no cache."""
    model = model.double()
    found = np.zeros((len(rows), len(ends)))
    for i, row in enumerate(rows):
        for j, end in enumerate(ends):
            prompt = row["input_ids"]
            ids = [*prompt, *word_tokenizer()(end)["input_ids"]]
            with torch.no_grad():
                log_p = (
                    model(torch.tensor([ids]), use_cache=False)
                    .logits[0]
                    .log_softmax(-1)
                )
            for place in range(len(prompt), len(ids)):
                found[i, j] += log_p[place - 1, ids[place]].item()
    model.float()
    return found


_DECODERS = [loud(gpt), loud(llama)]


class TestScores:
    @pytest.mark.parametrize("rows", [ROWS, PROMPTS], ids=["nothing shared", "shared"])
    @pytest.mark.parametrize("batch_size", [1, 3, 16, 64])
    def test_they_are_sums_of_log_probabilities(self, decoder, rows, batch_size):
        found = scores(decoder, rows, ENDS, batch_size=batch_size)
        assert found.shape == (21, 5)
        assert found.dtype == np.float32
        assert found == pytest.approx(by_hand(decoder, rows, ENDS), abs=2e-4)
        assert found.std(axis=0).min() > 0.1

    def test_a_prompt_is_read_once_for_all_continuations(self, decoder, widths):
        scores(decoder, PROMPTS, ["w10", "w11", "w12"], batch_size=64)
        longest = max(len(row["input_ids"]) for row in PROMPTS)
        assert widths == [(1, 40), (21, longest - 40)]
        widths.clear()
        scores(decoder, PROMPTS, ENDS, batch_size=64)
        assert widths[2:] == [(63, 3)]
        widths.clear()
        scores(decoder, PROMPTS, ENDS, batch_size=42)
        assert widths[2:] == [(42, 1), (21, 3)]  # those of like length together

    def test_only_the_last_tokens_logits_are_computed(self, decoder, monkeypatch):
        seen, original = [], decoder.forward

        def noting(*arguments, **options):
            output = original(*arguments, **options)
            seen.append(output.logits.shape[1])
            return output

        noting.__signature__ = __import__("inspect").signature(original)
        monkeypatch.setattr(decoder, "forward", noting)
        scores(decoder, PROMPTS, ["w10", "w11"])
        assert seen == [1, 1]

    def test_texts_and_chats_are_prompts_too(self, decoder):
        text = " ".join(f"w{number}" for number in PROMPTS[0]["input_ids"])
        assert scores(decoder, [text], ENDS) == pytest.approx(
            scores(decoder, PROMPTS[:1], ENDS), abs=1e-4
        )

    @pytest.mark.parametrize(
        ("prompts", "ends", "said"),
        [
            ([], ENDS, "no prompts"),
            (["w10", ""], ENDS, "input 1 has no tokens"),
            (["w10"], [], "no continuations"),
            (["w10"], ["w10", ""], "the continuation '' has no tokens"),
            (["w10"], ["w10", "   "], "the continuation '   ' has no tokens"),
            (["w10"], ["w10", "unheard"], "the continuation 'unheard' has no tokens"),
            (["w10"], ["w11", "w10", "w11"], "'w11' and 'w11' are the same"),
            (["w10"], ["w11", " w11"], "'w11' and ' w11' are the same"),
            (["w10"], "w11", "one text"),
            ("w10", ["w11"], "one text"),
            (["w10", "w11 "], ["w11", " w12"], "prompt 1 ends with a space"),
            ([{"input_ids": [5] * 126}], ["w10 w11 w12"], "126 tokens, and 3 are to"),
            ([{"input_ids": [5] * 129}], ["w10"], "129 tokens long"),
        ],
        ids=str,
    )
    def test_what_cannot_be_scored_gets_a_sentence(self, decoder, prompts, ends, said):
        with pytest.raises(LabError, match=said):
            scores(decoder, prompts, ends)

    def test_the_window_is_used_to_its_end(self, decoder):
        rows = [{"input_ids": [*SHOTS * 4][:126]}]
        expected = by_hand(decoder, rows, ["w10 w11"])
        assert scores(decoder, rows, ["w10 w11"]) == pytest.approx(expected, abs=2e-4)

    @pytest.mark.parametrize(
        "build",
        [t5, classifier, masked_lm, lambda: LlamaModel(llama().config)],
        ids=["encoder–decoder", "classifier", "encoder", "no head"],
    )
    def test_only_decoders_have_them(self, build):
        with pytest.raises(LabError, match="does not tell which token comes next"):
            scores(build(), ROWS, ENDS)

    def test_without_keys_and_values_one_token_each_can_be_scored(self):
        sizes = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2}
        torch.manual_seed(0)
        mamba = AutoModelForCausalLM.from_config(MambaConfig(**sizes))
        one = scores(mamba, ROWS[:3], ["w10", "w16"], batch_size=1)
        expected = by_hand(mamba, ROWS[:3], ["w10", "w16"])
        assert one == pytest.approx(expected, abs=2e-4)
        with pytest.raises(LabError, match="keeps no keys and values"):
            scores(mamba, ROWS[:3], ENDS)


# --- chats --------------------------------------------------------------------------

TEMPLATE = (
    "{% for m in messages %}w4{{ loop.index0 % 2 }} {{ m['role'] | length + 20 }}w "
    "{{ m['content'] }} {% endfor %}{% if add_generation_prompt %}w49{% endif %}"
)


def turns(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": f"w1{n}"} for n, role in enumerate(roles)]


def chatting():
    tokenizer = word_tokenizer()
    tokenizer.chat_template = TEMPLATE
    return tokenizer


class TestChats:
    def test_one_is_written_by_the_template_and_answered(self, decoder):
        chat = turns("system", "user", "assistant", "user")
        ids = chat_tokens(chatting(), chat)
        assert ids[:3] == [40, 2, 10]
        assert ids[-1] == 49
        options = {"max_new_tokens": 12, "precision": "fp32"}
        written = generate(decoder, chatting(), [chat, *ROWS[:2]], **options)
        assert written[0] == alone(decoder, {"input_ids": ids})
        scored = label_scores(decoder, chatting(), [chat], ENDS, precision="fp32")
        expected = by_hand(decoder, [{"input_ids": ids}], ENDS)
        assert scored == pytest.approx(expected, abs=2e-4)

    def test_an_answered_one_stays_as_it_is(self):
        ids = chat_tokens(chatting(), turns("user", "assistant"))
        assert ids == [40, 2, 10, 41, 2, 11]

    @pytest.mark.parametrize(
        ("chat", "said"),
        [
            (turns("user", "assistant", "assistant"), "message 2 .* 'assistant'"),
            (turns("user", "user"), "message 1 of .* 'user'"),
            (turns("assistant"), "message 0 of .* 'assistant'"),
            (turns("user", "system"), "message 1 of .* 'system'"),
            (turns("system", "system"), "message 1 of .* 'system'"),
            (turns("user", "tool"), "message 1 of .* 'tool'"),
            (turns("system"), "no message of the user's"),
            ([], "no message of the user's"),
            (["w10"], "message 0 of .* is 'w10'"),
            ([{"role": "user"}], "message 0 of .* is {'role'"),
            ([{"role": "user", "content": " \n"}], "message 0 of"),
            ([{"role": "user", "content": [{"text": "w10"}]}], "message 0 of"),
            ([{"content": "w10"}], "message 0 of"),
        ],
        ids=str,
    )
    def test_what_is_none_gets_a_sentence(self, chat, said):
        with pytest.raises(LabError, match=said):
            chat_tokens(chatting(), chat)
        with pytest.raises(LabError, match="input 1"):
            generate(gpt(), chatting(), [turns("user"), chat])

    def test_nothing_is_written_after_an_answer(self):
        with pytest.raises(LabError, match="input 0 is a chat that ends with"):
            generate(gpt(), chatting(), [turns("user", "assistant")])

    def test_a_model_without_a_template_has_no_chats(self):
        with pytest.raises(LabError, match="has no chat template"):
            generate(gpt(), word_tokenizer(), [turns("user")])

    def test_one_chat_is_not_a_list_of_chats(self):
        with pytest.raises(LabError, match="one chat too is a list in a list"):
            generate(gpt(), chatting(), turns("user"))
