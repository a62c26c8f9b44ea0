"""What can go wrong at the desk, and the one table from exception to answer.

ApiError
├── SettingsError             a setting is missing, unknown or unsafe
├── RuleMissingError          a route says nowhere who may ask for it, so it is not served
├── WitnessError              a witness could not find out whether the ledger only grew
├── StoreError                the database cannot be used, or says two things
│   └── StoreDamagedError     the database opens, but its content is not a desk's
├── NameTakenError            a lane or an officer of that name exists
├── NameUnknownError          no lane or officer of that name exists
├── OfficerUnknownError       no such officer
├── SessionUnknownError       no such session, or it is over
├── OwnRoleError              an administrator would change the own role, or end the own account
├── LastAdministratorError    nobody could administer the desk any more
├── NoPasswordError           who signs in elsewhere, or no more, has no password here
├── OneTimePasswordError      a one-time password must be changed first
├── PasskeysOffError          the desk does not know its own address, which passkeys need
├── PasskeyRefusedError       no passkey of this desk, or not an answer to its question
├── PasskeyUnknownError       no such passkey of one's own
├── ProviderOffError          the site's identity provider is not set, or does not answer
├── ProviderRefusedError      the identity provider's word does not sign anybody in
├── NotSignedInError          nobody is signed in
├── WrongPasswordError        name and password do not belong together; which is wrong is not said
├── PasswordRefusedError      a new password is too short, too long, or holds the own name
├── TooManyAttemptsError      too many wrong passwords for one name, or from one address
├── TooManySignInsError       more sign-ins at the same moment than the desk checks
├── NotAllowedError           who is signed in has another role than this asks for
├── ForgedRequestError        a request that the officer's page did not make
├── TokenRefusedError         a lane without a valid token
├── PassageUnknownError       no such passage for the one who asks
├── ReferralUnknownError      no such referral
├── ImageUnknownError         no such image
├── TooManyImagesError        more images of one passage than the desk keeps
├── FacesUnknownError         the desk holds no faces of the passage, and never did
├── FacesErasedError          the faces of the passage are erased
├── HoldUnknownError          the passage is under no legal hold
├── KeyringError              the keyring cannot be used
│   ├── KeyLostError          the keyring has no key for a passage
│   ├── KeyWrongError         another key-encryption key wrapped the passage's key
│   └── ImageChangedError     what is stored is not what was sealed
├── AlarmUnknownError         no such alarm, or no longer
├── LaneUnknownError          no such lane, or it may not deliver any more
├── NoRequestError            nothing is asked of this lane, or no longer
├── PassageNotFoundError      the ledger holds nothing about such a passage
├── NotInLedgerError          the ledger has no such entry, or is not that long
├── CaseRefusedError          a prepared case that cannot be used
├── CaseUnknownError          no such prepared case, or no longer
├── ClaimHeldError            another officer has the case
├── ClaimMissingError         the officer does not have the case, or no longer
├── AlreadyDecidedError       the case has its decision
├── PassageClosedError        the passage ended before an officer decided
├── OtherOfficerNeededError   somebody else must answer for the case
├── AlreadyJudgedError        the officer has judged the faces under this claim, or there was nothing to judge
├── NotShownError             the faces were not sent to the officer who judges them
├── NotRevealedError          the officer has not judged the faces yet, or was not shown the findings
├── NoShiftError              the officer is on no shift
├── NotDecidedError           the case has no decision yet
├── NotYourDecisionError      another officer decided
├── AlreadyHandedError        the lane has the decision
├── GroundRefusedError        the ground does not belong to the answer
├── NoteMissingError          the answer needs a note
├── RepeatRefusedError        the lane may not capture this passenger again
├── SecondOfficerNeededError  a correction to an answer that needs a second officer
├── ChainBrokenError          a lane's entry does not follow what the desk has
├── ImageMissingError         a referral came before its images
├── ImageRefusedError         the bytes are not the image that they claim to be
├── EntryRefusedError         an entry of a known kind without its fields
├── BodyTooLargeError         more bytes than the endpoint takes
├── TextRefusedError          a text that a database cannot keep
├── StoreBusyError            the database did not answer in time
├── NotReadyError             the desk cannot do its work now
│   ├── SchemaDiffersError    the database has the schema of another release
│   ├── DiskFullError         there is no room left beside the database
│   ├── ReadOnlyStoreError    the database takes no writes
│   └── EndingError           the desk is about to end
└── TooManyListenersError     more open streams than the desk keeps
"""

from typing import Any, ClassVar

from lane.ledger.entry import Head


class ApiError(Exception):
    """Anything that `api` raises on purpose. The message says what happened and what to do."""

    says: ClassVar[str] = ""
    """The message, where it is always the same."""

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


# --- people, and how they sign in


class NameTakenError(ApiError):
    def __init__(self, what: str) -> None:
        super().__init__(f"the name of this {what} exists already; choose another one")


class NameUnknownError(ApiError):
    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"there is no {what} {name}: check the name")


class OfficerUnknownError(ApiError):
    says = "there is no such officer: look at the list again"


class SessionUnknownError(ApiError):
    says = "there is no such session, or it is over: look at the list again"


class OwnRoleError(ApiError):
    says = "nobody changes the own role: ask another administrator"


class LastAdministratorError(ApiError):
    says = "this is the last administrator: make another one first"


class NoPasswordError(ApiError):
    says = "the desk keeps no password of this officer"


class OneTimePasswordError(ApiError):
    says = "somebody else told this password: change it first"


class PasskeysOffError(ApiError):
    says = "this desk has no passkeys: its setting `origin` is not set"


class PasskeyRefusedError(ApiError):
    says = "the passkey was not accepted: try again, or sign in in another way"


class PasskeyUnknownError(ApiError):
    says = "you have no such passkey: look at the list again"


class ProviderOffError(ApiError):
    says = "the identity provider does not answer, or this desk has none: sign in here"


class ProviderRefusedError(ApiError):
    says = "the identity provider's answer signs nobody in: try again, or ask who looks after it"


class NotSignedInError(ApiError):
    def __init__(self, otherwise: str = "") -> None:
        super().__init__(f"nobody is signed in, or the session has ended: sign in again{otherwise}")


class WrongPasswordError(ApiError):
    says = "name and password do not belong together"


class PasswordRefusedError(ApiError):
    says = "a password has 12 to 256 characters, and not the own name among them"


class TooManyAttemptsError(ApiError):
    says = "too many wrong passwords: wait a few minutes, then try again"


class TooManySignInsError(ApiError):
    says = "too many sign-ins at the same moment: wait a moment, then try again"


class NotAllowedError(ApiError):
    says = "your role does not allow this: ask somebody whose role does"


class ForgedRequestError(ApiError):
    says = "the request did not come from the officer's page: reload the page and try again"


class TokenRefusedError(ApiError):
    says = "no lane has this token: send the one that `python -m api lane add` printed"


# --- passages and their faces


class PassageUnknownError(ApiError):
    says = "this lane has told the desk of no such passage"


class ReferralUnknownError(ApiError):
    says = "there is no referral of this name"


class ImageUnknownError(ApiError):
    says = "the referral has no such image, or it was erased"


class TooManyImagesError(ApiError):
    says = "the desk has as many images of this passage as it keeps of one"


class FacesUnknownError(ApiError):
    says = "the desk holds no faces of a passage of this name"


class FacesErasedError(ApiError):
    says = "the faces of this passage are erased: there is nothing left to hold"


class HoldUnknownError(ApiError):
    says = "this passage is under no legal hold, or no longer"


class KeyringError(ApiError):
    says = "the keyring is out of reach: try again"


class KeyLostError(KeyringError):
    """The keyring has no key for the passage: after a restore, the faces of before are gone for good."""

    says = "the image is not available: the keyring has no key for this passage"


class KeyWrongError(KeyringError):
    says = "the image is not available: its key was wrapped by another key-encryption key"


class ImageChangedError(KeyringError):
    says = "the image is not available: what is stored is not what the desk sealed"


# --- the hall, the ledger, prepared cases


class AlarmUnknownError(ApiError):
    says = "there is no such alarm, or no longer: look at the evaluation again"


class LaneUnknownError(ApiError):
    says = "there is no such lane at this desk, or its token was revoked"


class NoRequestError(ApiError):
    says = "nothing is asked of this lane, or its passenger is on the way to an officer already"


class PassageNotFoundError(ApiError):
    says = "the ledger holds nothing about a passage of this name"


class NotInLedgerError(ApiError):
    says = "the ledger has no such entry, or is not that long: ask for its head first"


class CaseRefusedError(ApiError):
    """A prepared case that cannot be used. The message quotes nothing of it."""


class CaseUnknownError(ApiError):
    says = "there is no such prepared case, or it is retired: `python -m api case list`"


# --- cases and decisions


class ClaimHeldError(ApiError):
    says = "another officer has this case: take another one"


class ClaimMissingError(ApiError):
    says = "this case is not yours, or no longer: claim it first"


class AlreadyDecidedError(ApiError):
    says = "this case is decided and stays as it is"


class PassageClosedError(ApiError):
    says = "the passage has ended at the lane: there is nobody left to decide on"


class OtherOfficerNeededError(ApiError):
    says = "this case needs another officer: take another one"


class AlreadyJudgedError(ApiError):
    says = "the findings are revealed already, and the judgement before stays as it is"


class NotShownError(ApiError):
    says = "look at the case first: nobody judges faces that were not shown"


class NotRevealedError(ApiError):
    says = "compare the faces first: a decision follows the officer's own judgement"


class NoShiftError(ApiError):
    says = "you are on no shift: begin one first"


class NotDecidedError(ApiError):
    says = "this case has no decision that could be corrected"


class NotYourDecisionError(ApiError):
    says = "another officer decided this case: only that officer can correct it"


class AlreadyHandedError(ApiError):
    says = "the lane has the decision already: it can no longer be corrected"


class NoteMissingError(ApiError):
    says = "say why in a note: the answer contradicts your own judgement, or the machine where it is sure"


class RepeatRefusedError(ApiError):
    says = "this passenger is not captured again: choose another answer"


class SecondOfficerNeededError(ApiError):
    says = "this answer needs a second officer and cannot be given as a correction"


class GroundRefusedError(ApiError):
    says = "this ground does not belong to this answer: choose one from the answer's list"


# --- what is sent


class ChainBrokenError(ApiError):
    """A lane's entry does not follow what the desk has; `has` says how far that is."""

    def __init__(self, message: str, has: Head | None = None) -> None:
        super().__init__(message)
        self.has = has


class ImageMissingError(ApiError):
    def __init__(self, sha256: str) -> None:
        super().__init__(f"image {sha256} is not here: upload a referral's images before its entry")


class ImageRefusedError(ApiError):
    says = "the body is not a JPEG image with the SHA-256 that the path names"


class EntryRefusedError(ApiError):
    def __init__(self, seq: int, kind: str, fields: str) -> None:
        super().__init__(f"entry {seq} of kind {kind} is not complete or not well formed: {fields}")


class BodyTooLargeError(ApiError):
    says = "the body is larger than this endpoint takes"


class TextRefusedError(ApiError):
    says = "a text is too long, or holds a character that cannot be stored"


# --- the desk cannot answer now


class StoreBusyError(ApiError):
    says = (
        "the desk's database is busy or out of reach: whether this was stored is not known; "
        "look, and send the same again where it was not"
    )


class NotReadyError(ApiError):
    """The desk cannot do its work now; its log says why."""

    says = "the desk cannot do its work now"


class SchemaDiffersError(NotReadyError):
    says = "the database has the schema of another release: start that one, or this one anew"


class DiskFullError(NotReadyError):
    says = "there is hardly any room left on the database's disk"


class ReadOnlyStoreError(NotReadyError):
    says = "the database takes no writes"


class EndingError(NotReadyError):
    says = "this desk is about to end: ask another one"


class TooManyListenersError(ApiError):
    says = "too many open streams at the desk: close some, then try again"


ANSWERS: dict[type[ApiError], tuple[int, str]] = {
    NotSignedInError: (401, "not_signed_in"),
    WrongPasswordError: (401, "wrong_password"),
    TokenRefusedError: (401, "token_refused"),
    NotAllowedError: (403, "not_allowed"),
    PasskeyRefusedError: (401, "passkey_refused"),
    OneTimePasswordError: (403, "told_password"),
    ForgedRequestError: (403, "forged_request"),
    NotYourDecisionError: (403, "not_your_decision"),
    PassageUnknownError: (404, "passage_unknown"),
    ReferralUnknownError: (404, "referral_unknown"),
    ImageUnknownError: (404, "image_unknown"),
    AlarmUnknownError: (404, "alarm_unknown"),
    LaneUnknownError: (404, "lane_unknown"),
    NoRequestError: (404, "no_request"),
    NotInLedgerError: (404, "not_in_ledger"),
    PassageNotFoundError: (404, "passage_not_found"),
    FacesUnknownError: (404, "faces_unknown"),
    HoldUnknownError: (404, "hold_unknown"),
    KeyLostError: (404, "image_key_lost"),
    KeyWrongError: (404, "image_key_wrong"),
    ImageChangedError: (404, "image_changed"),
    PasskeysOffError: (404, "passkeys_off"),
    PasskeyUnknownError: (404, "passkey_unknown"),
    OfficerUnknownError: (404, "officer_unknown"),
    SessionUnknownError: (404, "session_unknown"),
    NameTakenError: (409, "name_taken"),
    OwnRoleError: (409, "own_role"),
    LastAdministratorError: (409, "last_administrator"),
    NoPasswordError: (409, "no_password"),
    ClaimHeldError: (409, "claim_held"),
    ClaimMissingError: (409, "claim_missing"),
    AlreadyDecidedError: (409, "already_decided"),
    PassageClosedError: (409, "passage_closed"),
    OtherOfficerNeededError: (409, "other_officer_needed"),
    AlreadyJudgedError: (409, "already_judged"),
    NotShownError: (409, "not_shown"),
    NotRevealedError: (409, "not_revealed"),
    NoShiftError: (409, "no_shift"),
    NotDecidedError: (409, "not_decided"),
    AlreadyHandedError: (409, "already_handed"),
    ChainBrokenError: (409, "chain_broken"),
    ImageMissingError: (409, "image_missing"),
    TooManyImagesError: (409, "too_many_images"),
    FacesErasedError: (409, "faces_erased"),
    BodyTooLargeError: (413, "too_large"),
    PasswordRefusedError: (422, "password_refused"),
    GroundRefusedError: (422, "ground_refused"),
    NoteMissingError: (422, "note_missing"),
    RepeatRefusedError: (422, "repeat_refused"),
    SecondOfficerNeededError: (422, "second_officer_needed"),
    ImageRefusedError: (422, "image_refused"),
    EntryRefusedError: (422, "entry_refused"),
    TextRefusedError: (422, "text_refused"),
    TooManyAttemptsError: (429, "too_many_attempts"),
    TooManySignInsError: (429, "too_many_sign_ins"),
    StoreBusyError: (503, "store_busy"),
    KeyringError: (503, "keyring_out_of_reach"),
    TooManyListenersError: (503, "too_many_listeners"),
    NotReadyError: (503, "not_ready"),
    SchemaDiffersError: (503, "schema_differs"),
    DiskFullError: (503, "disk_full"),
    ReadOnlyStoreError: (503, "read_only"),
    EndingError: (503, "ending"),
}
"""Exception → (status, code): what a client sees. Other ApiErrors never reach a client."""


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
