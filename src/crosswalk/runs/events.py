"""What a verb tells whoever watches, while it works: steps, progress, remarks. The command line and the console listen."""

from typing import Protocol


class Events(Protocol):
    """A listener. Nothing it is told holds a patient's value (law 8)."""

    def step(self, title: str) -> None:
        """A new step begins."""
        ...

    def progress(self, label: str, done: int, total: int | None, seconds_left: float | None) -> None:
        """How far the step is; `seconds_left` is None until the live rate is known."""
        ...

    def remark(self, text: str) -> None:
        """Something worth a line."""
        ...


class Silent:
    """A listener that ignores everything."""

    def step(self, title: str) -> None:
        """Ignored."""

    def progress(self, label: str, done: int, total: int | None, seconds_left: float | None) -> None:
        """Ignored."""

    def remark(self, text: str) -> None:
        """Ignored."""
