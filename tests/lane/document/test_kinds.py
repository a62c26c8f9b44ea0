"""The document reader is chosen by the kind that its source names."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lane.document.folder_reader import FolderReader
from lane.document.kinds import KINDS, open_reader, probe
from lane.document.settings import DocumentSettings
from lane.platform.clock import SkippingClock
from lane.platform.errors import SettingsError


def test_a_folder_is_opened_and_probed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    settings = DocumentSettings(source=f"folder:{tmp_path}")
    with open_reader(settings, SkippingClock()) as reader:
        assert isinstance(reader, FolderReader)
    assert [one.ok for one in probe(settings)] == [True]


def test_missing_source_fails_open_and_probe() -> None:
    with (
        pytest.raises(SettingsError, match=r"document\.source"),
        open_reader(DocumentSettings(), SkippingClock()),
    ):
        pass
    assert [(one.ok, one.said) for one in probe(DocumentSettings())] == [
        (False, "document.source is not set")
    ]


def test_settings_take_the_known_kinds_alone() -> None:
    assert all(DocumentSettings(source=f"{kind}:/run/documents").kind == kind for kind in KINDS)
    with pytest.raises(ValidationError):
        DocumentSettings(source="telepathy:/run/documents")
