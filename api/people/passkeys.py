"""Passkeys: an officer who is signed in registers one, and can sign in with it later.

Only officers with a password here have passkeys. Officers of the site's identity provider have none: a
passkey would still open the desk when the provider has taken their role. The device must verify the officer
(a finger, a face, a code); each challenge is answered once; a counter that goes back shows a copied key. The
private key never leaves the device.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
import webauthn
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from api.ledger import chain
from api.people import officers
from api.people.officers import SignedInOfficer
from api.people.sign_in import ChallengeKind, SignIn, Visitor, keep_challenge, take_challenge
from api.platform.database.database import Database
from api.platform.database.tables import PasskeyRow
from api.platform.errors import PasskeyRefusedError, PasskeyUnknownError
from api.platform.settings import Settings

log = structlog.get_logger(__name__)

_ANYBODY = ""
_REQUIRED = UserVerificationRequirement.REQUIRED

Credential = Mapping[str, Any]
"""The JSON of the browser's `PublicKeyCredential.toJSON()`."""


@dataclass(frozen=True, slots=True)
class Passkeys:
    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    signing_in: SignIn

    def ask_for_new(self, who: SignedInOfficer, password: str) -> dict[str, Any]:
        """The options with which the officer's browser makes a passkey.

        The password is asked again: nobody at an unattended desk shall make a passkey. Raises
        WrongPasswordError, TooManyAttemptsError or TooManySignInsError; PasskeyRefusedError for an officer of
        the identity provider.
        """
        with self.database.read() as session:
            _must_have_password(session, who.pseudonym)
        with self.signing_in.passwords.place():
            self.signing_in.check_password(who.name, password, None)
        with self.database.write(turn=False) as session:
            known = [row.credential for row in _of(session, who.pseudonym)]
            options = webauthn.generate_registration_options(
                rp_id=self.settings.passkey_domain,
                rp_name="Passenger Lane",
                user_name=who.name,
                user_id=who.pseudonym.encode(),
                authenticator_selection=AuthenticatorSelectionCriteria(
                    resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_REQUIRED
                ),
                exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
            )
            self._keep(session, "passkey_new", options.challenge, who.session_sha256)
        return _as_json(options)

    def add(self, credential: Credential, label: str, who: SignedInOfficer) -> PasskeyRow:
        """Keep a passkey that the officer's browser made. Raises PasskeyRefusedError."""
        challenge = self._answered_challenge("passkey_new", credential, who.session_sha256)
        with _refusing_faults():
            made = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self.settings.passkey_domain,
                expected_origin=self.settings.origin or "",
                require_user_verification=True,
            )
        with self.database.write() as session:
            row = _kept(session, who.pseudonym, made, label, at=self.clock())
        log.info("officer.passkey_added", officer=who.pseudonym)
        return row

    def listed(self, who: SignedInOfficer) -> list[PasskeyRow]:
        with self.database.read() as session:
            return _of(session, who.pseudonym)

    def remove(self, name: str, who: SignedInOfficer) -> None:
        """Remove one of the officer's passkeys. Raises PasskeyUnknownError."""
        with self.database.write() as session:
            _remove(session, who.pseudonym, name, at=self.clock())
        log.info("officer.passkey_removed", officer=who.pseudonym)

    def ask(self) -> dict[str, Any]:
        """The options with which a browser signs in by a passkey."""
        options = webauthn.generate_authentication_options(
            rp_id=self.settings.passkey_domain, user_verification=_REQUIRED
        )
        with self.database.write(turn=False) as session:
            self._keep(session, "passkey", options.challenge, _ANYBODY)
        return _as_json(options)

    def sign_in(self, credential: Credential, visitor: Visitor) -> tuple[SignedInOfficer, str]:
        """Start a session for the passkey's owner. Raises PasskeyRefusedError or WrongPasswordError."""
        challenge = self._answered_challenge("passkey", credential, _ANYBODY)
        with _refusing_faults():
            user_handle = credential["response"].get("userHandle")
            handle = base64url_to_bytes(user_handle) if user_handle else None
            raw_id = base64url_to_bytes(credential["rawId"])
        with self.database.write() as session, _refusing_faults():
            row = _by_credential(session, raw_id)
            if handle is not None and handle != row.officer.encode():
                raise PasskeyRefusedError
            _must_have_password(session, row.officer)
            used = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self.settings.passkey_domain,
                expected_origin=self.settings.origin or "",
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
            row.sign_count, row.used_at = used.new_sign_count, self.clock()
            officer = row.officer
        return self.signing_in.begin(officer, "passkey", visitor)

    def _keep(self, session: Session, kind: ChallengeKind, challenge: bytes, holder: str) -> None:
        keep_challenge(session, kind, bytes_to_base64url(challenge), holder, "", at=self.clock())

    def _answered_challenge(self, kind: ChallengeKind, credential: Credential, holder: str) -> bytes:
        """The challenge that this answers; it cannot be answered again."""
        with _refusing_faults():
            client_data = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
            challenge = str(client_data["challenge"])
        with self.database.write(turn=False) as session:
            if take_challenge(session, kind, challenge, holder, at=self.clock()) is None:
                raise PasskeyRefusedError
        return base64url_to_bytes(challenge)


def _must_have_password(session: Session, officer: str) -> None:
    """Raise PasskeyRefusedError for an officer of the identity provider, and for a disabled one."""
    if not officers.has_password(officers.one(session, officer)):
        raise PasskeyRefusedError


def _as_json(options: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return read


@contextmanager
def _refusing_faults() -> Iterator[None]:
    """Raise PasskeyRefusedError for any fault in what a browser sent, without saying which."""
    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning("passkey refused", error=type(error).__name__)
        raise PasskeyRefusedError from error


def name_of(credential: bytes) -> str:
    """The name of a passkey in lists."""
    return hashlib.sha256(credential).hexdigest()


def _kept(
    session: Session, officer: str, made: VerifiedRegistration, label: str, *, at: datetime
) -> PasskeyRow:
    """Keep a passkey. Raises PasskeyRefusedError where it is somebody's already."""
    row = PasskeyRow(
        sha256=name_of(made.credential_id),
        officer=officer,
        credential=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        label=label,
        added_at=at,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise PasskeyRefusedError from error
    body = {"officer": officer, "passkey": row.sha256, "key_sha256": key_hash(row)}
    chain.append(session, "officer.passkey_added", body, at=at)
    return row


def _remove(session: Session, officer: str, name: str, *, at: datetime) -> None:
    """Remove one of an officer's passkeys. Raises PasskeyUnknownError."""
    gone = delete(PasskeyRow).where(PasskeyRow.sha256 == name, PasskeyRow.officer == officer)
    if not session.execute(gone.returning(PasskeyRow.sha256)).all():
        raise PasskeyUnknownError
    chain.append(session, "officer.passkey_removed", {"officer": officer, "passkey": name}, at=at)


def _of(session: Session, officer: str) -> list[PasskeyRow]:
    """An officer's passkeys, the oldest first."""
    found = select(PasskeyRow).where(PasskeyRow.officer == officer).order_by(PasskeyRow.added_at)
    return list(session.scalars(found))


def _by_credential(session: Session, credential: bytes) -> PasskeyRow:
    """The passkey of this credential; nobody else uses it meanwhile. Raises PasskeyRefusedError."""
    found = select(PasskeyRow).where(PasskeyRow.sha256 == name_of(credential)).with_for_update()
    row = session.scalars(found).one_or_none()
    if row is None:
        raise PasskeyRefusedError
    return row


def key_hash(row: PasskeyRow) -> str:
    """What the ledger records of the public key, so that a replaced key is found."""
    return hashlib.sha256(row.public_key).hexdigest()


def remove_all(session: Session, officer: str, *, at: datetime) -> None:
    for row in _of(session, officer):
        _remove(session, officer, row.sha256, at=at)
