"""A tokenizer of single characters, with which tests can be worked out by hand."""

from typing import Any

from service.embedded.chat_templates import END, START


class CharacterTokenizer:
    """One token a character, but the markers are one token each: enough for offsets and labels."""

    pad_token_id = 0

    def __call__(self, text: str | list[str], **options: object) -> dict[str, Any]:
        if isinstance(text, list):
            encoded = [self(one) for one in text]
            return {key: [item[key] for item in encoded] for key in ("input_ids", "offset_mapping")}
        ids, offsets, at = [], [], 0
        while at < len(text):
            marker = next((m for m in (START, END) if text.startswith(m, at)), text[at])
            ids.append(1 + (START, END).index(marker) if marker in (START, END) else 3 + ord(marker) % 90)
            offsets.append((at, at + len(marker)))
            at += len(marker)
        return {"input_ids": ids, "offset_mapping": offsets}
