"""Passkeys: make one while signed in, sign in with it later."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from api.people.passkeys import Passkeys
from api.platform.database.tables import PasskeyRow
from api.platform.errors import (
    PasskeyRefusedError,
    PasskeysOffError,
    PasskeyUnknownError,
    TooManyAttemptsError,
    TooManySignInsError,
    WrongPasswordError,
    documented,
)
from api.web.access.authentication import Guarded, TheDesk, TheOfficer, TheVisitor, csrf_token, set_session
from api.web.messages.cases import SignedIn
from api.web.messages.people import (
    NewPasskey,
    PasskeyAnswer,
    PasskeyList,
    PasskeyMessage,
    PasskeyName,
    PasskeyRequest,
)
from api.web.routes.people.session import officer_message

router = APIRouter(route_class=Guarded, tags=["officer"], responses=documented())


def passkeys_of(desk: TheDesk) -> Passkeys:
    """The running desk's. Raises PasskeysOffError."""
    return desk.passkeys


ThePasskeys = Annotated[Passkeys, Depends(passkeys_of)]


@router.get("/passkeys", summary="List the own passkeys", responses=documented(PasskeysOffError))
def list_passkeys(passkeys: ThePasskeys, who: TheOfficer) -> PasskeyList:
    """What each is called, and when it was last used."""
    return PasskeyList(passkeys=[_passkey_message(row) for row in passkeys.listed(who)])


@router.post(
    "/passkeys/challenge",
    summary="Begin to make a passkey",
    responses=documented(
        PasskeysOffError, PasskeyRefusedError, WrongPasswordError, TooManyAttemptsError, TooManySignInsError
    ),
)
def ask_for_passkey(wanted: PasskeyRequest, passkeys: ThePasskeys, who: TheOfficer) -> dict[str, Any]:
    """Options for the browser's `navigator.credentials.create`; good once, for five minutes.

    An officer of the identity provider has no password here, and gets no passkey.
    """
    return passkeys.ask_for_new(who, wanted.password)


@router.post(
    "/passkeys",
    status_code=201,
    summary="Keep a new passkey",
    responses=documented(PasskeysOffError, PasskeyRefusedError),
)
def add_passkey(wanted: NewPasskey, passkeys: ThePasskeys, who: TheOfficer) -> PasskeyMessage:
    """The browser's answer to the options, and what to call it."""
    return _passkey_message(passkeys.add(wanted.credential, wanted.label, who))


@router.delete(
    "/passkeys/{passkey}",
    status_code=204,
    summary="Remove one of the own passkeys",
    responses=documented(PasskeysOffError, PasskeyUnknownError),
)
def remove_passkey(
    passkey: Annotated[PasskeyName, Path()], passkeys: ThePasskeys, who: TheOfficer
) -> Response:
    """Nobody can sign in with it any more."""
    passkeys.remove(passkey, who)
    return Response(status_code=204)


@router.post(
    "/session/passkey/challenge",
    summary="Begin to sign in with a passkey",
    responses=documented(PasskeysOffError),
)
def ask_for_sign_in(passkeys: ThePasskeys) -> dict[str, Any]:
    """Options for the browser's `navigator.credentials.get`; good once, for five minutes."""
    return passkeys.ask()


@router.post(
    "/session/passkey",
    summary="Sign in with a passkey",
    responses=documented(PasskeysOffError, PasskeyRefusedError, WrongPasswordError),
)
def sign_in_with_passkey(
    answer: PasskeyAnswer, passkeys: ThePasskeys, desk: TheDesk, visitor: TheVisitor, response: Response
) -> SignedIn:
    """The browser's answer to the options. The passkey's owner is signed in."""
    who, token = passkeys.sign_in(answer.credential, visitor)
    set_session(response, token, desk.settings)
    return SignedIn(officer=officer_message(who), csrf_token=csrf_token(token))


def _passkey_message(row: PasskeyRow) -> PasskeyMessage:
    return PasskeyMessage(passkey=row.sha256, label=row.label, added_at=row.added_at, used_at=row.used_at)
