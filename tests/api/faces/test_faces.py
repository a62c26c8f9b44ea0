"""Faces at the desk: sealed while they are here, gone when they must go, and the ledger proves it."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.audit.verify.ledger import Verified, verify_ledger
from api.faces import images as faces
from api.faces.keyring import Keyring, keyring_of
from api.faces.legal_holds import LegalHolds
from api.faces.sealing import GivenKey, KeyFile, LocalKey, new_key, seal, unseal
from api.ledger import chain
from api.platform.database.database import Database
from api.platform.errors import ImageChangedError, KeyLostError, KeyWrongError, SettingsError
from api.platform.monotonic_time import ClockAheadError
from lane.platform.errors import LedgerBrokenError
from tests.support.api.evaluated_lane import kinds
from tests.support.api.running_desk import (
    REFERRED,
    Lane,
    Officer,
    RunningDesk,
    drawn_face,
    judged,
    refusal,
)
from tests.support.api.sqlite_file import copied

JFIF = b"\xff\xd8\xff\xe0\x00\x10JFIF"


def close(lane: Lane, passage: str, how: str = "passed_through") -> None:
    answer = lane.deliver(lane.write("passage.closed", {"passage": passage, "how": how}))
    assert answer.status_code == 200, answer.text


def verified(desk: RunningDesk) -> Verified:
    return verify_ledger(desk.desk.database, keyring=desk.desk.keyring)


def key_file(desk: RunningDesk) -> Path:
    assert desk.settings.kek_file is not None
    return desk.settings.kek_file


def chores_after(desk: RunningDesk, **duration: float) -> int:
    """Let time pass and the desk do its chores; return of how many passages it then holds faces."""
    desk.clock.pass_time(**duration)
    desk.do_chores()
    return held(desk)


def held(desk: RunningDesk) -> int:
    with desk.desk.database.read() as session:
        return faces.held(session)


def bytes_of(desk: RunningDesk) -> bytes:
    """Everything that the desk has on disk."""
    folder = desk.file.parent
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def image_of(officer: Officer, passage: str) -> Any:
    officer.claim(passage)
    return officer.look(passage)["images"][0]["href"]


# --- sealed


@given(st.binary(min_size=1, max_size=200), st.integers(0), st.integers(1, 255))
def test_sealed_image_opens_only_unchanged(image: bytes, place: int, change: int) -> None:
    key, sha256 = new_key(), hashlib.sha256(image).hexdigest()
    sealed = seal(key, "p-1", sha256, image)
    assert unseal(key, "p-1", sha256, sealed) == image
    assert image not in sealed or len(image) < 4
    changed = bytearray(sealed)
    changed[place % len(sealed)] ^= change
    for wrong in (
        (key, "p-1", sha256, bytes(changed)),
        (key, "p-2", sha256, sealed),
        (key, "p-1", "0" * 64, sealed),
        (new_key(), "p-1", sha256, sealed),
        (key, "p-1", sha256, sealed[: place % len(sealed)]),
    ):
        with pytest.raises(ImageChangedError):
            unseal(*wrong)


@given(st.binary(min_size=32, max_size=32), st.text("abc-", min_size=1, max_size=8))
def test_key_unwraps_only_for_its_passage(key: bytes, passage: str) -> None:
    kek = LocalKey(new_key())
    wrapped = kek.wrap(key, passage)
    assert kek.unwrap(wrapped, passage) == key
    for other, asked in ((LocalKey(new_key()), passage), (kek, passage + "x")):
        with pytest.raises(KeyWrongError):
            other.unwrap(wrapped, asked)


def test_no_image_on_disk_unsealed(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    image = drawn_face(1)
    passage = lane.refer(images=[image])
    shown = officer.http.get(image_of(officer, passage))
    assert shown.content == image
    on_disk = bytes_of(desk)
    assert JFIF not in on_disk
    assert image[100:132] not in on_disk


@pytest.mark.both_databases
def test_each_passage_has_own_key(desk: RunningDesk, lane: Lane) -> None:
    first, second = lane.refer(), lane.refer()
    assert desk.desk.keyring.passages() == {first, second}
    assert desk.desk.keyring.key_of(first) != desk.desk.keyring.key_of(second)


# --- the key-encryption key


def test_key_file_made_once_owner_only(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "desk.kek")
    made = file.current(None)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(file.path).current(made.identity).identity == made.identity


@pytest.mark.parametrize("text", ["", "short", "x" * 44, "AAAA" * 11])
def test_invalid_key_is_refused_unquoted(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        GivenKey(text)
    assert not text or text not in str(refused.value)


def test_desk_refuses_key_of_other_keyring(desk: RunningDesk, lane: Lane) -> None:
    lane.refer()
    file = KeyFile(key_file(desk))
    file.path.unlink()
    again = Keyring(Database(desk.desk.keyring.place), file)
    with pytest.raises(SettingsError, match="is missing"):
        again.prepare()
    assert not file.path.exists(), "a new key in its place would hide what was lost"
    again.close()


def test_rotated_images_open_under_new_key(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    path = image_of(officer, passage)
    file = KeyFile(key_file(desk))
    before, old = desk.desk.keyring.identity, file.path.read_bytes()
    other = keyring_of(desk.settings)  # the command line's, while the desk runs
    assert other.rewrap(file.next()) == 1
    other.close()
    # Here the command is cut off, before it puts the new key in the old one's place.
    assert desk.desk.keyring.identity != before
    assert officer.http.get(path).status_code == 200
    assert file.path.read_bytes() != old
    lane.refer()
    assert verified(desk).not_checked == ()


# --- erased


@pytest.mark.both_databases
def test_passed_traveller_erased_in_same_request(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    path = image_of(officer, passage)
    officer.decide(passage)
    close(lane, passage)
    assert desk.desk.keyring.passages() == set()
    assert held(desk) == 0
    assert kinds(desk)[-1] == "passage.erased"
    assert unavailable(officer, path) == "image_unknown"
    verified(desk)


@pytest.mark.both_databases
def test_unpassed_traveller_erased_after_set_time(desk: RunningDesk, lane: Lane) -> None:
    """Counted from when the passage closed, also where the lane tells of it later."""
    passage, told_later, at = lane.refer(), lane.refer(), desk.clock()
    close(lane, passage, "sent_to_second_line")
    desk.clock.pass_time(hours=11)
    lane.deliver(lane.write("passage.closed", {"passage": told_later, "how": "interrupted"}, at))
    assert chores_after(desk, minutes=59) == 2
    assert chores_after(desk, minutes=2) == 0
    assert desk.desk.keyring.passages() == set()
    assert kinds(desk)[-1] == "passage.erased"
    verified(desk)


@pytest.mark.both_databases
def test_fast_clock_erases_nobody_early(desk: RunningDesk, lane: Lane) -> None:
    passed, stays = lane.refer(), lane.refer()
    close(lane, stays, "sent_to_second_line")
    desk.clock.set_ahead(days=40)
    desk.desk.erasure.erase_due()
    close(lane, passed)
    assert held(desk) == 1
    assert desk.desk.keyring.passages() == {stays}
    with pytest.raises(ClockAheadError):
        desk.desk.erasure_clock.must_agree()
    desk.clock.pass_time(hours=13)
    desk.desk.erasure.erase_due()
    assert held(desk) == 0
    verified(desk)


@pytest.mark.both_databases
def test_unclosed_passage_erased_after_set_time(desk: RunningDesk, lane: Lane) -> None:
    """Counted from its last fact."""
    passage = lane.refer()
    desk.clock.pass_time(hours=7)
    lane.deliver(lane.write("passage.evaluated.later", {"passage": passage}))
    assert chores_after(desk, hours=7) == 1
    assert chores_after(desk, hours=6) == 0
    verified(desk)


@pytest.mark.both_databases
def test_image_without_passage_erased_and_never_taken_again(
    desk: RunningDesk, lane: Lane, officer: Officer
) -> None:
    lane.upload(drawn_face(1), "p-1")
    assert chores_after(desk, hours=13) == 0
    assert kinds(desk)[-1] == "passage.erased"
    verified(desk)
    passage = lane.refer(passage="p-1")
    assert held(desk) == 0
    assert desk.desk.keyring.passages() == set()
    officer.sign_in()
    assert unavailable(officer, image_of(officer, passage)) == "image_unknown"
    verified(desk)


@pytest.mark.both_databases
def test_chore_erases_leftovers_of_crash(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    desk.desk.keyring.destroy([passage])  # the desk died before it could tell
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql("UPDATE faces SET closed_how = 'passed_through'")
    desk.do_chores()
    assert (held(desk), kinds(desk)[-1]) == (0, "passage.erased")
    desk.desk.keyring.key_for("p-nobody", at=desk.clock())  # it died between a key and its image
    desk.do_chores()
    assert desk.desk.keyring.passages() == set()


def test_destroyed_key_leaves_no_disk_byte(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    with closing(sqlite3.connect(str(desk.desk.keyring.place))) as raw:
        [(wrapped,)] = raw.execute("SELECT wrapped FROM keys").fetchall()
    assert wrapped in bytes_of(desk)
    close(lane, passage)
    on_disk = bytes_of(desk)
    assert not any(wrapped[start : start + 16] in on_disk for start in range(len(wrapped) - 16))


# --- legal holds, and how many


def place(who: Officer, passage: str, reason: str = "case 2026/17") -> Any:
    return who.ask("POST", f"/passages/{passage}/hold", json={"reason": reason})


def lift(who: Officer, passage: str) -> Any:
    return who.ask("POST", f"/passages/{passage}/hold/lift", json={"reason": "case is closed"})


@pytest.mark.both_databases
def test_legal_hold_suspends_erasure_until_lifted(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    image = drawn_face(1)
    passage, sha256 = lane.refer(images=[image]), hashlib.sha256(image).hexdigest()
    assert place(auditor, passage).json()["placed_by"] == auditor.pseudonym
    assert place(auditor, passage, "another reason").json()["reason"] == "case 2026/17"
    close(lane, passage)
    assert chores_after(desk, hours=48) == 1
    auditor.sign_in()
    assert auditor.ask("GET", f"/holds/{passage}/images/{sha256}").content == image
    assert [hold["passage"] for hold in auditor.ask("GET", "/holds").json()["holds"]] == [passage]
    verified(desk)
    assert lift(auditor, passage).status_code == 204
    assert chores_after(desk) == 0
    recorded = [kind for kind in kinds(desk) if kind.startswith("hold.") or kind == "passage.erased"]
    assert recorded == ["hold.placed", "hold.lifted", "passage.erased"]
    assert auditor.ask("GET", "/holds").json()["holds"] == []
    assert "2026/17" not in "".join(desk.payloads()), "the ledger has the hash of a reason alone"
    verified(desk)


@pytest.mark.both_databases
def test_no_hold_on_erased_or_unknown(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    passage = lane.refer()
    close(lane, passage)
    assert place(auditor, passage).json()["code"] == "faces_erased"
    assert place(auditor, "p-none").json()["code"] == "faces_unknown"
    assert lift(auditor, passage).json()["code"] == "hold_unknown"
    assert place(auditor, passage, "  ").status_code == 422


def test_auditor_sees_faces_only_under_hold(lane: Lane, auditor: Officer) -> None:
    image = drawn_face(1)
    passage = lane.refer(images=[image])
    path = f"/holds/{passage}/images/{hashlib.sha256(image).hexdigest()}"
    assert auditor.ask("GET", path).json()["code"] == "hold_unknown"


def test_auditor_holds_and_lifts_on_page(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    passage = lane.refer()
    page = f"/audit/{passage}"
    assert "Place a legal hold" in auditor.http.get(page).text
    assert auditor.form(f"{page}/hold", reason="case 2026/17").status_code == 303
    shown = auditor.http.get(page).text
    assert "case 2026/17" in shown
    assert f"/api/v1/holds/{passage}/images/" in shown
    assert hashlib.sha256(b"case 2026/17").hexdigest() in shown
    assert auditor.form(f"{page}/hold/lift", reason="case is closed").status_code == 303
    assert "Place a legal hold" in auditor.http.get(page).text
    close(lane, passage)
    assert "legal hold</button>" not in auditor.http.get(page).text
    verified(desk)


@pytest.mark.both_databases
def test_face_passages_counted_with_warning(desk: RunningDesk, lane: Lane, auditor: Officer) -> None:
    first = lane.refer()
    lane.refer()
    lane.refer(images=[])
    count = auditor.ask("GET", "/faces/count").json()
    assert (count["passages"], count["warning_from"], count["warning"]) == (2, 100_000, False)
    close(lane, first)
    assert auditor.ask("GET", "/faces/count").json()["passages"] == 1
    few = LegalHolds(desk.desk.database, desk.desk.keyring, desk.clock, warning_from=1)
    assert few.count().warns


# --- what cannot be shown


@pytest.fixture
def shown(lane: Lane, officer: Officer) -> tuple[str, str]:
    passage = lane.refer()
    return passage, image_of(officer, passage)


def unavailable(officer: Officer, path: str) -> Any:
    answer = officer.http.get(path)
    assert answer.status_code == 404
    return answer.json()["code"]


@pytest.mark.both_databases
def test_image_without_key_is_unavailable(
    desk: RunningDesk, officer: Officer, shown: tuple[str, str]
) -> None:
    passage, path = shown
    [unopened] = verify_ledger(desk.desk.database).not_checked
    assert "no keyring" in unopened
    desk.desk.keyring.destroy([passage])
    assert unavailable(officer, path) == "image_key_lost"
    assert officer.http.get(f"/referrals/{passage}").status_code == 200
    [unopened] = verified(desk).not_checked
    assert "1 passages" in unopened


def test_image_under_other_key_is_unavailable(
    desk: RunningDesk, officer: Officer, shown: tuple[str, str]
) -> None:
    _, path = shown
    with closing(sqlite3.connect(str(desk.desk.keyring.place))) as raw, raw:
        raw.execute("UPDATE key_encryption SET identity = 'another'")
    assert unavailable(officer, path) == "image_key_wrong"
    assert "another key" in verified(desk).not_checked[0]


def test_changed_image_unavailable_and_found(
    desk: RunningDesk, officer: Officer, shown: tuple[str, str]
) -> None:
    passage, path = shown
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql("UPDATE images SET sealed = zeroblob(100)")
    assert unavailable(officer, path) == "image_changed"
    assert officer.http.get(f"/referrals/{passage}").status_code == 200
    with pytest.raises(LedgerBrokenError, match="missing or changed"):
        verified(desk)


# --- bounds


@pytest.mark.both_databases
def test_images_per_passage_are_limited(lane: Lane) -> None:
    for number in range(faces.MOST_IMAGES):
        lane.upload(drawn_face(1) + bytes([number]), "p-1")
    assert refusal(lane.put_image(drawn_face(2), "p-1")) == (409, "too_many_images")
    assert lane.upload(drawn_face(1) + b"\0", "p-1")


@pytest.mark.both_databases
def test_case_opens_without_lost_images(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    here, gone = drawn_face(1), hashlib.sha256(drawn_face(2)).hexdigest()
    shas = [lane.upload(here, "p-1"), gone]
    entry = lane.write("passage.judged", judged("p-1", shas, REFERRED))
    assert lane.deliver(entry).json()["code"] == "image_missing"
    for _ in range(2):
        assert lane.http.delete(f"/passages/p-1/images/{gone}").status_code == 204
    assert lane.deliver(entry).status_code == 200
    assert officer.http.get(image_of(officer, "p-1")).content == here
    assert unavailable(officer, f"/api/v1/referrals/p-1/images/{gone}") == "image_unknown"
    assert lane.http.delete(f"/passages/p-1/images/{shas[0]}").status_code == 204
    assert officer.ask("GET", f"/referrals/p-1/images/{shas[0]}").status_code == 200
    verified(desk)


# --- backups


def test_restored_backup_keeps_faces_erased(desk: RunningDesk, lane: Lane) -> None:
    image = drawn_face(1)
    passage, waiting = lane.refer(images=[image]), lane.refer(images=[image])
    backup = copied(desk.file, desk.file.with_name("backup.sqlite3"))
    close(lane, passage)
    with desk.desk.database.read() as session:
        witnessed = chain.head(session)
    desk.desk.database.close()
    for end in ("", "-wal", "-shm"):
        desk.file.with_name(desk.file.name + end).unlink(missing_ok=True)
    backup.rename(desk.file)
    with desk.moved_into(desk.file) as restored:
        sha256 = hashlib.sha256(image).hexdigest()
        with restored.desk.database.read() as session:
            with pytest.raises(KeyLostError):
                faces.image(session, restored.desk.keyring, passage, sha256)
            assert faces.image(session, restored.desk.keyring, waiting, sha256) == image
        [unopened] = verified(restored).not_checked
        assert "1 passages" in unopened
        with pytest.raises(LedgerBrokenError):
            verify_ledger(restored.desk.database, [witnessed])
        assert chores_after(restored, hours=13) == 0
        assert restored.desk.keyring.passages() == set()
        assert verified(restored).not_checked == ()
