"""From a prompt and its answers to what a reward model reads: one rendering, by its own chat template."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from strategies.base.response import Response
from strategies.base.types import Message, Prompt, Tools


class ReadConversation(Protocol):
    """A rendered conversation: its token ids, and where in the answer each token ends (-1: outside it)."""

    @property
    def ids(self) -> list[int]: ...
    @property
    def answer_ends(self) -> list[int]: ...
    def tokens_at(self, ends: Sequence[int]) -> list[int]:
        """For each number of answer characters, the token at which so many are complete."""


class Conversations(Protocol):
    """A reward model's tokenizer and chat template."""

    def conversation(
        self, messages: Sequence[Message], answer: str, tools: Tools | None = None
    ) -> ReadConversation:
        """The chat with its answer, rendered; InvalidRequest where the template has no place for what is called."""


def question_of(messages: Sequence[Message]) -> str:
    """The chat as one text, for models that read a question and an answer: a lone message as it stands."""
    if len(messages) == 1:
        return messages[0].content
    told = [(message.role, Response.of(message.content, message.tool_calls)) for message in messages]
    return "\n\n".join(f"{role}: {said}" for role, said in told)


def messages_of(prompt: Prompt) -> tuple[Message, ...]:
    """The chat that a reward model reads; raw text is read as the one message of a user: its template needs one."""
    return (Message("user", prompt.text),) if prompt.text is not None else prompt.messages


async def conversations(
    tokenizer: Conversations, prompt: Prompt, answers: Sequence[str]
) -> list[ReadConversation]:
    """The rendered conversations, one an answer; InvalidRequest where the template refuses the chat."""
    messages = messages_of(prompt)
    # Tokenising is work for a core, so it goes to a thread and the loop stays free.
    return await asyncio.to_thread(
        lambda: [tokenizer.conversation(messages, answer, prompt.tools) for answer in answers]
    )
