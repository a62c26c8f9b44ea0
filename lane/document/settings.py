from typing import Annotated

from pydantic import Field

from lane.decision.evidence import DocumentKind
from lane.platform.settings_section import Section


class DocumentSettings(Section):
    """Where documents come from."""

    source: Annotated[str, Field(pattern=r"^folder:/.+$")] | None = None
    """folder:/run/passenger-lane/lane-1/documents: the document reader's folder, in memory."""
    wait_s: Annotated[float, Field(gt=0, le=10)] = 2.0
    """So long a document is waited for before the lane looks up, and asks again."""
    kinds: dict[Annotated[str, Field(pattern=r"^[A-Z]{1,2}(:[A-Z]{1,3})?$")], DocumentKind] = Field(
        default_factory=dict
    )
    """What a code, or a code of one issuer, stands for where that is not known: {"PN:RUS" = "ordinary"}."""

    @property
    def kind(self) -> str | None:
        """One of `lane.document.kinds.KINDS`; None without a source."""
        return self.source and self.source.partition(":")[0]

    @property
    def address(self) -> str:
        """What stands behind the kind; empty without a source."""
        return (self.source or "").partition(":")[2]
