"""x"""


def register(server: object) -> None:
    """Nothing yet."""
