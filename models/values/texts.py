"""English texts that are translated where they are shown."""


def N_(text: str) -> str:  # noqa: N802  the name that extractors of texts know
    """Marks a text for the translators; it stays as it is."""
    return text
