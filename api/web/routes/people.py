"""Who may sign in, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.people.officers import Person
from api.platform import errors
from api.platform.database.tables import SessionRow
from api.platform.errors import documented
from api.web.access.authentication import Guarded, TheDesk, TheOfficer
from api.web.messages.people import (
    NewDuties,
    NewPerson,
    NewRole,
    PasswordMessage,
    PeopleList,
    PersonMessage,
    Pseudonym,
    SessionList,
    SessionMessage,
)

router = APIRouter(route_class=Guarded, prefix="/officers", tags=["people"], responses=documented())

ThePseudonym = Annotated[Pseudonym, Path(description="The officer's pseudonym.")]


@router.get("", summary="List people")
def list_officers(desk: TheDesk) -> PeopleList:
    """Everybody who is or was at the desk."""
    return PeopleList(officers=[_person_message(person) for person in desk.people.listed()])


@router.post(
    "",
    status_code=201,
    summary="Register somebody",
    responses=documented(errors.NameTakenError, errors.TooManySignInsError),
)
def add_officer(wanted: NewPerson, desk: TheDesk, who: TheOfficer) -> PasswordMessage:
    """The password in the answer is shown this once, and is good for choosing another."""
    pseudonym, password = desk.people.add(wanted.name, wanted.role, wanted.duties, who)
    return PasswordMessage(officer=pseudonym, password=password)


@router.put(
    "/{officer}/role",
    status_code=204,
    summary="Give somebody another role",
    responses=documented(errors.OfficerUnknownError, errors.OwnRoleError, errors.LastAdministratorError),
)
def set_role(officer: ThePseudonym, wanted: NewRole, desk: TheDesk, who: TheOfficer) -> Response:
    """Sessions with the old role end. Nobody changes the own role, and the last administrator stays."""
    desk.people.set_role(officer, wanted.role, who)
    return Response(status_code=204)


@router.put(
    "/{officer}/duties",
    status_code=204,
    summary="Give somebody duties",
    responses=documented(errors.OfficerUnknownError, errors.OwnRoleError),
)
def set_duties(officer: ThePseudonym, wanted: NewDuties, desk: TheDesk, who: TheOfficer) -> Response:
    """These and no other, from the next request on."""
    desk.people.set_duties(officer, wanted.duties, who)
    return Response(status_code=204)


@router.post(
    "/{officer}/password",
    summary="Give somebody a new password",
    responses=documented(
        errors.OfficerUnknownError, errors.OwnRoleError, errors.NoPasswordError, errors.TooManySignInsError
    ),
)
def reset_password(officer: ThePseudonym, desk: TheDesk, who: TheOfficer) -> PasswordMessage:
    """For a forgotten one. The new password is shown this once, for choosing another; all sessions end."""
    return PasswordMessage(officer=officer, password=desk.people.reset_password(officer, who))


@router.delete(
    "/{officer}",
    status_code=204,
    summary="Let somebody sign in no more",
    responses=documented(errors.OfficerUnknownError, errors.OwnRoleError, errors.LastAdministratorError),
)
def disable_officer(officer: ThePseudonym, desk: TheDesk, who: TheOfficer) -> Response:
    """For good, and at once. What the officer decided stays."""
    desk.people.disable(officer, who)
    return Response(status_code=204)


@router.get(
    "/{officer}/sessions",
    summary="See where somebody is signed in",
    responses=documented(errors.OfficerUnknownError),
)
def list_officer_sessions(officer: ThePseudonym, desk: TheDesk, who: TheOfficer) -> SessionList:
    """The sessions that are not over."""
    return session_list(desk.people.sessions_of(officer), who.session_sha256)


@router.delete(
    "/{officer}/sessions",
    status_code=204,
    summary="Sign somebody out everywhere",
    responses=documented(errors.OfficerUnknownError),
)
def end_officer_sessions(officer: ThePseudonym, desk: TheDesk, who: TheOfficer) -> Response:
    """All sessions end, but the one that asks."""
    desk.people.end_sessions(officer, who)
    return Response(status_code=204)


def _person_message(person: Person) -> PersonMessage:
    return PersonMessage(
        officer=person.pseudonym,
        name=person.name,
        role=person.role,
        duties=list(person.duties),
        disabled=person.disabled,
        external=person.external,
        passkeys=person.passkeys,
        sessions=person.sessions,
        added_at=person.added_at,
    )


def session_list(found: list[SessionRow], present_sha256: str) -> SessionList:
    return SessionList(
        sessions=[
            SessionMessage.model_validate(
                {
                    "session": one.handle,
                    "way": one.way,
                    "started_at": one.started_at,
                    "used_at": one.used_at,
                    "present": one.token_sha256 == present_sha256,
                }
            )
            for one in found
        ]
    )
