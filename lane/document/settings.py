"""Settings of a document reader."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from lane.decision.evidence import DocumentKind
from lane.platform.errors import SettingsError

PREFIX = "folder:"


class DocumentSettings(BaseModel):
    """Where documents come from."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    source: Annotated[str, Field(pattern=r"^folder:/.+$")] | None = None
    """folder:/run/passenger-lane/lane-1/documents: the document reader's folder, in memory."""
    wait_s: Annotated[float, Field(gt=0, le=10)] = 2.0
    """So long a document is waited for before the lane looks up, and asks again."""
    kinds: dict[Annotated[str, Field(pattern=r"^[A-Z]{1,2}(:[A-Z]{1,3})?$")], DocumentKind] = Field(
        default_factory=dict
    )
    """What a code, or a code of one issuer, stands for where that is not known: {"PN:RUS" = "ordinary"}."""

    @property
    def folder(self) -> Path:
        """Raises SettingsError without one."""
        if self.source is None:
            raise SettingsError('document.source: say where documents come from, such as "folder:/run/…"')
        return Path(self.source.removeprefix(PREFIX))
