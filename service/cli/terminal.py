"""Text that cannot act: what a model or a server wrote must not steer the terminal that shows it."""


def plain(text: str) -> str:
    """Without control characters, line breaks and tabs aside."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
