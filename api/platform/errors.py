"""What can go wrong at the desk, and how a client hears of it: the one page from exception to answer.

ApiError
├── StoreError
│   └── StoreDamagedError
├── KeyringError
│   ├── KeyLostError
│   ├── KeyWrongError
│   └── ImageChangedError
├── NotReadyError
│   ├── SchemaDiffersError
│   ├── DiskFullError
│   ├── ReadOnlyStoreError
│   └── EndingError
└── all others
"""

from typing import Any, ClassVar

from lane.ledger.entry import Head

ANSWERS: dict[type["ApiError"], tuple[int, str]] = {}
"""Exception → (status, code): what a client sees. Other ApiErrors never reach a client."""


class ApiError(Exception):
    """Anything that `api` raises on purpose. The message says what happened and what to do."""

    says: ClassVar[str] = ""
    """The message, where it is always the same."""

    def __init_subclass__(cls, *, status: int | None = None, code: str = "") -> None:
        super().__init_subclass__()
        if status is not None:
            ANSWERS[cls] = status, code

    def __init__(self, message: str | None = None) -> None:
        super().__init__(self.says if message is None else message)


# --- starting


class SettingsError(ApiError):
    """A setting is missing, unknown or unsafe."""


class RuleMissingError(ApiError):
    def __init__(self, names: list[str]) -> None:
        super().__init__(f"no rule in api/web/access/permissions.py says who may ask for: {', '.join(names)}")


class WitnessError(ApiError):
    """A witness could not find out whether the ledger only grew: nothing is proven, or refuted."""


# --- storage


class StoreError(ApiError):
    """The database cannot be used, or says two things. The message holds nothing of what is stored."""


class StoreDamagedError(StoreError):
    """The database opens, but its content is not a desk's: parts are missing, or no longer readable."""


def for_log(error: Exception) -> dict[str, str]:
    """What a log may have of an error: its type; the text may quote what was sent or is stored.

    A StoreError's text holds none of that.
    """
    cause = {"cause": str(error)} if isinstance(error, StoreError) else {}
    return {"error": type(error).__name__, **cause}


# --- people, and how they sign in


class NameTakenError(ApiError, status=409, code="name_taken"):
    def __init__(self, what: str) -> None:
        super().__init__(f"the name of this {what} exists already; choose another one")


class NameUnknownError(ApiError):
    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"there is no {what} {name}: check the name")


class OfficerUnknownError(ApiError, status=404, code="officer_unknown"):
    says = "there is no such officer: look at the list again"


class SessionUnknownError(ApiError, status=404, code="session_unknown"):
    says = "there is no such session, or it is over: look at the list again"


class OwnRoleError(ApiError, status=409, code="own_role"):
    says = "nobody changes the own role: ask another administrator"


class LastAdministratorError(ApiError, status=409, code="last_administrator"):
    says = "this is the last administrator: make another one first"


class NoPasswordError(ApiError, status=409, code="no_password"):
    says = "the desk keeps no password of this officer"


class OneTimePasswordError(ApiError, status=403, code="one_time_password"):
    says = "somebody else told this password: change it first"


class PasskeysOffError(ApiError, status=404, code="passkeys_off"):
    says = "this desk has no passkeys: its setting `origin` is not set"


class PasskeyRefusedError(ApiError, status=401, code="passkey_refused"):
    says = "the passkey was not accepted: try again, or sign in in another way"


class PasskeyUnknownError(ApiError, status=404, code="passkey_unknown"):
    says = "you have no such passkey: look at the list again"


class ProviderOffError(ApiError):
    says = "the identity provider does not answer, or this desk has none: sign in here"


class ProviderRefusedError(ApiError):
    says = "the identity provider's answer signs nobody in: try again, or ask who looks after it"


class NotSignedInError(ApiError, status=401, code="not_signed_in"):
    def __init__(self, otherwise: str = "") -> None:
        super().__init__(f"nobody is signed in, or the session has ended: sign in again{otherwise}")


class WrongPasswordError(ApiError, status=401, code="wrong_password"):
    says = "name and password do not belong together"


class PasswordRefusedError(ApiError, status=422, code="password_refused"):
    says = "a password has 12 to 256 characters, and not the own name among them"


class TooManyAttemptsError(ApiError, status=429, code="too_many_attempts"):
    says = "too many wrong passwords: wait a few minutes, then try again"


class TooManySignInsError(ApiError, status=429, code="too_many_sign_ins"):
    says = "too many sign-ins at the same moment: wait a moment, then try again"


class NotAllowedError(ApiError, status=403, code="not_allowed"):
    says = "your role does not allow this: ask somebody whose role does"


class ForgedRequestError(ApiError, status=403, code="forged_request"):
    says = "the request did not come from the officer's page: reload the page and try again"


class TokenRefusedError(ApiError, status=401, code="token_refused"):
    says = "no lane has this token: send the one that `python -m api lane add` printed"


# --- passages and their faces


class PassageUnknownError(ApiError, status=404, code="passage_unknown"):
    says = "this lane has told the desk of no such passage"


class ReferralUnknownError(ApiError, status=404, code="referral_unknown"):
    says = "there is no referral of this name"


class ImageUnknownError(ApiError, status=404, code="image_unknown"):
    says = "the referral has no such image, or it was erased"


class TooManyImagesError(ApiError, status=409, code="too_many_images"):
    says = "the desk has as many images of this passage as it keeps of one"


class FacesUnknownError(ApiError, status=404, code="faces_unknown"):
    says = "the desk holds no faces of a passage of this name"


class FacesErasedError(ApiError, status=409, code="faces_erased"):
    says = "the faces of this passage are erased: there is nothing left to hold"


class HoldUnknownError(ApiError, status=404, code="hold_unknown"):
    says = "this passage is under no legal hold, or no longer"


class KeyringError(ApiError, status=503, code="keyring_out_of_reach"):
    says = "the keyring is out of reach: try again"


class KeyLostError(KeyringError, status=404, code="image_key_lost"):
    """The keyring has no key for the passage: after a restore, the faces of before are gone for good."""

    says = "the image is not available: the keyring has no key for this passage"


class KeyWrongError(KeyringError, status=404, code="image_key_wrong"):
    says = "the image is not available: its key was wrapped by another key-encryption key"


class ImageChangedError(KeyringError, status=404, code="image_changed"):
    says = "the image is not available: what is stored is not what the desk sealed"


# --- the hall, the ledger, prepared cases


class AlarmUnknownError(ApiError, status=404, code="alarm_unknown"):
    says = "there is no such alarm, or no longer: look at the evaluation again"


class LaneUnknownError(ApiError, status=404, code="lane_unknown"):
    says = "there is no such lane at this desk, or its token was revoked"


class NoRequestError(ApiError, status=404, code="no_request"):
    says = "nothing is asked of this lane, or its passenger is on the way to an officer already"


class PassageNotFoundError(ApiError, status=404, code="passage_not_found"):
    says = "the ledger holds nothing about a passage of this name"


class NotInLedgerError(ApiError, status=404, code="not_in_ledger"):
    says = "the ledger has no such entry, or is not that long: ask for its head first"


class CaseRefusedError(ApiError):
    """A prepared case that cannot be used. The message quotes nothing of it."""


class CaseUnknownError(ApiError):
    says = "there is no such prepared case, or it is retired: `python -m api case list`"


# --- cases and decisions


class ClaimHeldError(ApiError, status=409, code="claim_held"):
    says = "another officer has this case: take another one"


class ClaimMissingError(ApiError, status=409, code="claim_missing"):
    says = "this case is not yours, or no longer: claim it first"


class AlreadyDecidedError(ApiError, status=409, code="already_decided"):
    says = "this case is decided and stays as it is"


class PassageClosedError(ApiError, status=409, code="passage_closed"):
    says = "the passage has ended at the lane: there is nobody left to decide on"


class OtherOfficerNeededError(ApiError, status=409, code="other_officer_needed"):
    says = "this case needs another officer: take another one"


class AlreadyJudgedError(ApiError, status=409, code="already_judged"):
    says = "the findings are revealed already, and the judgement before stays as it is"


class NotShownError(ApiError, status=409, code="not_shown"):
    says = "look at the case first: nobody judges faces that were not shown"


class NotRevealedError(ApiError, status=409, code="not_revealed"):
    says = "compare the faces first: a decision follows the officer's own judgement"


class NoShiftError(ApiError, status=409, code="no_shift"):
    says = "you are on no shift: begin one first"


class NotDecidedError(ApiError, status=409, code="not_decided"):
    says = "this case has no decision that could be corrected"


class NotYourDecisionError(ApiError, status=403, code="not_your_decision"):
    says = "another officer decided this case: only that officer can correct it"


class AlreadyHandedError(ApiError, status=409, code="already_handed"):
    says = "the lane has the decision already: it can no longer be corrected"


class NoteMissingError(ApiError, status=422, code="note_missing"):
    says = "say why in a note: the answer contradicts your own judgement, or the machine where it is sure"


class RepeatRefusedError(ApiError, status=422, code="repeat_refused"):
    says = "this passenger is not captured again: choose another answer"


class SecondOfficerNeededError(ApiError, status=422, code="second_officer_needed"):
    says = "this answer needs a second officer and cannot be given as a correction"


class GroundRefusedError(ApiError, status=422, code="ground_refused"):
    says = "this ground does not belong to this answer: choose one from the answer's list"


# --- what is sent


class ChainBrokenError(ApiError, status=409, code="chain_broken"):
    """A lane's entry does not follow what the desk has; `has` says how far that is."""

    def __init__(self, message: str, has: Head | None = None) -> None:
        super().__init__(message)
        self.has = has


class ImageMissingError(ApiError, status=409, code="image_missing"):
    def __init__(self, sha256: str) -> None:
        super().__init__(f"image {sha256} is not here: upload a referral's images before its entry")


class ImageRefusedError(ApiError, status=422, code="image_refused"):
    says = "the body is not a JPEG image with the SHA-256 that the path names"


class EntryRefusedError(ApiError, status=422, code="entry_refused"):
    def __init__(self, seq: int, kind: str, fields: str) -> None:
        super().__init__(f"entry {seq} of kind {kind} is not complete or not well formed: {fields}")


class BodyTooLargeError(ApiError, status=413, code="too_large"):
    says = "the body is larger than this endpoint takes"


class TextRefusedError(ApiError, status=422, code="text_refused"):
    says = "a text is too long, or holds a character that cannot be stored"


# --- the desk cannot answer now


class StoreBusyError(ApiError, status=503, code="store_busy"):
    says = (
        "the desk's database is busy or out of reach: whether this was stored is not known; "
        "look, and send the same again where it was not"
    )


class NotReadyError(ApiError, status=503, code="not_ready"):
    """The desk cannot do its work now; its log says why."""

    says = "the desk cannot do its work now"


class SchemaDiffersError(NotReadyError, status=503, code="schema_differs"):
    says = "the database has the schema of another release: start that one, or this one anew"


class DiskFullError(NotReadyError, status=503, code="disk_full"):
    says = "there is hardly any room left on the database's disk"


class ReadOnlyStoreError(NotReadyError, status=503, code="read_only"):
    says = "the database takes no writes"


class EndingError(NotReadyError, status=503, code="ending"):
    says = "this desk is about to end: ask another one"


class TooManyListenersError(ApiError, status=503, code="too_many_listeners"):
    says = "too many open streams at the desk: close some, then try again"


def documented(*errors: type[ApiError], streams: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these errors, for the OpenAPI page."""
    from api.platform.messages import Problem  # noqa: PLC0415 - the wire form of this module's own table

    answers: dict[int | str, list[str]] = {422: ["request_refused", "text_refused"], 500: ["internal_error"]}
    for error in (*errors, StoreBusyError):
        status, code = ANSWERS[error]
        answers.setdefault(status, []).append(code)
    # FastAPI would put a model under the stream's own media type; errors are JSON everywhere.
    as_json = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    form: dict[str, Any] = {"content": as_json} if streams else {"model": Problem}
    return {
        status: {**form, "description": f"code: {', '.join(codes)}"}
        for status, codes in sorted(answers.items(), key=str)
    }
