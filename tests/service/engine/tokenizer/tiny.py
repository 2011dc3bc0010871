"""A byte-level tokenizer of a few hundred tokens, trained on the spot: real enough for everything but meaning."""

from functools import cache
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TRIMMING = CHATML.replace("message['content']", "message['content'] | trim")
LAST_TURN = (
    "{% set last = messages | selectattr('role', 'equalto', 'user') | list | last %}"
    "{{ '<|im_start|>user\n' + last['content'] + '<|im_end|>\n<|im_start|>assistant\n' }}"
    "{% if messages[-1]['role'] == 'assistant' %}{{ messages[-1]['content'] + '<|im_end|>' }}{% endif %}"
)
ALTERNATING = (
    "{% if messages[0]['role'] != 'user' %}{{ raise_exception('a chat starts with user') }}{% endif %}"
    + CHATML
)
_TEXT = [
    "The answer is 12.\n\n3 + 4 = 7\nThere are    four steps here.\n    indented\n\n\nuser assistant system",
    "What is the sum of the numbers? Let us add them one by one.\nThe answer is 7.\n",
] * 40


@cache
def _trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    # Runs of white space are joined to what stands before them, so that tokens go on beyond a line's end.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    lines = [piece for text in _TEXT for piece in text.replace(".\n", ".\n\x00").split("\x00")]
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=alphabet, show_progress=False, max_token_length=6
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in CONTROL])
    return tokenizer.to_str()


def tiny_tokenizer(template: str = CHATML) -> Any:
    """A fresh tokenizer with the given chat template."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = template
    return tokenizer
