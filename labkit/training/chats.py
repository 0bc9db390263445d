"""A chat: messages with a role, and the tokens that its model knows them by."""

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.errors import LabError
from labkit.validation import shown

TURNS = ("user", "assistant")


def chat_tokens(
    tokenizer: Any, messages: Sequence[Mapping[str, str]], name: str = "the chat"
) -> list[int]:
    """The token ids of a chat, by the tokenizer's own template, applied once.

    After a last message of the user's comes the beginning of the assistant's, for the
    model to go on from; after one of the assistant's nothing more.

    Args:
        messages: Dictionaries with "role" (one "system" at most, which is the first,
            then "user" and "assistant" in turns) and "content", a text.
        name: What an error calls the chat.

    Raises:
        LabError: if a message has no role or text, the roles do not take turns, or the
            tokenizer has no template.
    """
    _take_turns(messages, name)
    if not tokenizer.chat_template:
        raise LabError(
            f"{name} is a list of messages, and the tokenizer has no chat template.",
            "Its model has not learnt to tell who speaks.",
            "Write the prompt as one text, or take a model that follows instructions.",
        )
    found = tokenizer.apply_chat_template(
        list(messages),
        add_generation_prompt=messages[-1]["role"] == "user",
        return_dict=True,
    )
    return found["input_ids"]


def _take_turns(messages: Sequence[Mapping[str, str]], name: str) -> None:
    due: tuple[str, ...] = ("system", "user")
    for place, message in enumerate(messages):
        _look_at(message, f"message {place} of {name}")
        if (role := message["role"]) not in due:
            raise LabError(
                f"message {place} of {name} has the role {role!r}.",
                f"Only {' or '.join(map(repr, due))} can stand there: user and "
                "assistant take turns, after one system message at most.",
                "Join two messages of one speaker into one, or leave one out.",
            )
        due = ("user",) if role != "user" else ("assistant",)
    if "system" in due or messages[-1]["role"] == "system":
        raise LabError(
            f"{name} has no message of the user's.",
            "There is nothing to answer.",
            'Add {"role": "user", "content": "…"}.',
        )


def _look_at(message: Any, name: str) -> None:
    right = isinstance(message, Mapping) and "role" in message
    content = message.get("content") if right else None
    if not isinstance(content, str) or not content.strip():
        raise LabError(
            f"{name} is {shown(message)}.",
            "A message has a role and a content, which is a text with words in it.",
            'Write {"role": "user", "content": "Hello."}, or leave it out.',
        )
