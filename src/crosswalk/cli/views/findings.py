"""Findings, the worst first, each with what to do about it."""

from collections.abc import Collection, Sequence

from crosswalk.cli.views.blocks import SEVERITY_TONES, Block, FindingBlock, Heading
from crosswalk.model.finding import Finding

SEVERITIES = tuple(SEVERITY_TONES)


def findings_view(findings: Sequence[Finding], accepted: Collection[str] = ()) -> list[Block]:
    """All findings; those whose code was accepted say so. Nothing at all when there are none."""
    if not findings:
        return []
    counts = {severity: sum(item.severity == severity for item in findings) for severity in SEVERITIES}
    words = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    ordered = sorted(findings, key=lambda item: SEVERITIES.index(item.severity))
    return [Heading(f"Findings: {words}"), *(FindingBlock(item, item.code in accepted) for item in ordered)]
