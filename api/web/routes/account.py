"""Signing in and out by password or passkey, and the own account."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.people.officers import SignedInOfficer
from api.people.passkeys import Passkeys
from api.platform import errors
from api.platform.database.tables import PasskeyRow
from api.platform.errors import documented
from api.web.access.authentication import (
    Guarded,
    TheDesk,
    TheOfficer,
    TheVisitor,
    csrf_token,
    end_session,
    set_session,
    token_of,
)
from api.web.messages.cases import Credentials, Officer, SignedIn
from api.web.messages.people import (
    Handle,
    NewPasskey,
    PasskeyAnswer,
    PasskeyList,
    PasskeyMessage,
    PasskeyName,
    PasskeyRequest,
    PasswordChange,
    SessionList,
)
from api.web.routes.people import session_list

router = APIRouter(route_class=Guarded, tags=["officer"], responses=documented())


@router.post(
    "/session",
    summary="Sign in",
    responses=documented(
        errors.WrongPasswordError,
        errors.TooManyAttemptsError,
        errors.TooManySignInsError,
        errors.BodyTooLargeError,
    ),
)
def sign_in(credentials: Credentials, desk: TheDesk, visitor: TheVisitor, response: Response) -> SignedIn:
    """Start a session; the cookie is its key, the CSRF token goes with everything that changes something."""
    who, token = desk.sign_in.by_password(credentials.name, credentials.password, visitor)
    set_session(response, token, desk.settings)
    return _signed_in(who, token)


@router.get("/session", summary="Who is signed in")
def show_session(request: Request, who: TheOfficer) -> SignedIn:
    """The officer of this session, and its CSRF token."""
    return _signed_in(who, token_of(request) or "")


@router.delete("/session", status_code=204, summary="Sign out")
def sign_out(who: TheOfficer, desk: TheDesk) -> Response:
    """End this session; your cases go back to the queue."""
    desk.sign_out(who)
    response = Response(status_code=204)
    end_session(response, desk.settings)
    return response


@router.get("/sessions", summary="See where you are signed in")
def list_sessions(desk: TheDesk, who: TheOfficer) -> SessionList:
    """The own sessions that are not over."""
    return session_list(desk.people.sessions_of(who.pseudonym), who.session_sha256)


@router.delete(
    "/sessions/{session}",
    status_code=204,
    summary="Sign out somewhere else",
    responses=documented(errors.SessionUnknownError),
)
def end_own_session(
    session: Annotated[Handle, Path(description="As the list names it.")], desk: TheDesk, who: TheOfficer
) -> Response:
    """End one of the own sessions; with the last one your cases go back to the queue."""
    desk.people.end_session(session, who)
    return Response(status_code=204)


@router.put(
    "/password",
    status_code=204,
    summary="Change the own password",
    responses=documented(
        errors.PasswordRefusedError,
        errors.WrongPasswordError,
        errors.TooManyAttemptsError,
        errors.TooManySignInsError,
    ),
)
def change_password(wanted: PasswordChange, desk: TheDesk, who: TheOfficer) -> Response:
    """12 to 256 characters, and not the own name among them. Sessions elsewhere end."""
    desk.people.change_password(wanted.old, wanted.new, who)
    return Response(status_code=204)


# --- passkeys


def passkeys_of(desk: TheDesk) -> Passkeys:
    """The running desk's. Raises PasskeysOffError."""
    return desk.passkeys


ThePasskeys = Annotated[Passkeys, Depends(passkeys_of)]


@router.get("/passkeys", summary="List the own passkeys", responses=documented(errors.PasskeysOffError))
def list_passkeys(passkeys: ThePasskeys, who: TheOfficer) -> PasskeyList:
    """What each is called, and when it was last used."""
    return PasskeyList(passkeys=[_passkey_message(row) for row in passkeys.listed(who)])


@router.post(
    "/passkeys/challenge",
    summary="Begin to make a passkey",
    responses=documented(
        errors.PasskeysOffError,
        errors.PasskeyRefusedError,
        errors.WrongPasswordError,
        errors.TooManyAttemptsError,
        errors.TooManySignInsError,
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
    responses=documented(errors.PasskeysOffError, errors.PasskeyRefusedError),
)
def add_passkey(wanted: NewPasskey, passkeys: ThePasskeys, who: TheOfficer) -> PasskeyMessage:
    """The browser's answer to the options, and what to call it."""
    return _passkey_message(passkeys.add(wanted.credential, wanted.label, who))


@router.delete(
    "/passkeys/{passkey}",
    status_code=204,
    summary="Remove one of the own passkeys",
    responses=documented(errors.PasskeysOffError, errors.PasskeyUnknownError),
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
    responses=documented(errors.PasskeysOffError),
)
def ask_for_sign_in(passkeys: ThePasskeys) -> dict[str, Any]:
    """Options for the browser's `navigator.credentials.get`; good once, for five minutes."""
    return passkeys.ask()


@router.post(
    "/session/passkey",
    summary="Sign in with a passkey",
    responses=documented(errors.PasskeysOffError, errors.PasskeyRefusedError, errors.WrongPasswordError),
)
def sign_in_with_passkey(
    answer: PasskeyAnswer, passkeys: ThePasskeys, desk: TheDesk, visitor: TheVisitor, response: Response
) -> SignedIn:
    """The browser's answer to the options. The passkey's owner is signed in."""
    who, token = passkeys.sign_in(answer.credential, visitor)
    set_session(response, token, desk.settings)
    return _signed_in(who, token)


def _passkey_message(row: PasskeyRow) -> PasskeyMessage:
    return PasskeyMessage(passkey=row.sha256, label=row.label, added_at=row.added_at, used_at=row.used_at)


def _signed_in(who: SignedInOfficer, token: str) -> SignedIn:
    officer = Officer(name=who.name, pseudonym=who.pseudonym, role=who.role, duties=sorted(who.duties))
    return SignedIn(officer=officer, csrf_token=csrf_token(token))
