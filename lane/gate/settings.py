"""Which gate stands at a lane, and how its relay box is wired: the section `[gate]` of the settings."""

import ipaddress
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from lane.platform.settings_section import Section

Number = Annotated[int, Field(ge=0, le=0xFFFF)]
"""Of a coil or a discrete input, as the protocol counts: from 0."""
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Input = Literal["entry_beam", "exit_beam", "exit_shut", "entry_shut", "emergency", "fire", "by_hand"]
INPUTS: tuple[Input, ...] = get_args(Input)
ALARMS = ("emergency", "fire", "by_hand")
COILS = ("exit_door", "entry_door", "watchdog")
SPREAD = 256
"""The inputs are read at once: from the first to the last are no more than so many."""


class GateSettings(Section):
    kind: Literal["simulated", "modbus"] = "simulated"
    """simulated: a gate that is none, for trying a lane. modbus: relays behind Modbus TCP."""
    host: str = "127.0.0.1"
    """The relay box's address, as a number: a name's look-up may take longer than a door may stand open."""
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    """Its TCP port."""
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    """Its unit identifier."""
    exit_door: Number = 0
    """The coil that opens the door behind which the passenger is through; where there is one door, that."""
    entry_door: Number | None = None
    """The coil that opens the door before it, where two make an airlock.

    Never are both open, a fire alarm apart.
    """
    watchdog: Number = 2
    """The coil that the lane changes as long as it lives."""
    entry_beam: Number = 0
    """The input of the light beam before the (exit) door: where nobody stands who only waits."""
    exit_beam: Number = 1
    """The input of the light beam behind it."""
    exit_shut: Number | None = None
    """The input of the contact of the shut (exit) door. None: the coil's state is all the proof there is."""
    entry_shut: Number | None = None
    """The input of the contact of the shut entry door; an airlock needs both contacts."""
    emergency: Number | None = None
    """The input of the emergency stop (L05)."""
    fire: Number | None = None
    """The input of the fire alarm: the doors open, and stay open while it lasts."""
    by_hand: Number | None = None
    """The input that tells that the doors were opened by hand (L06)."""
    inverted: frozenset[Input] = frozenset()
    """Inputs that are on in the usual case, such as ["fire", "emergency"] in a closed loop.

    A broken wire of a closed loop is then an alarm.
    """
    timeout_s: Annotated[Seconds, Field(ge=0.05, le=0.5)] = 0.25
    """So long an answer of the box is waited for."""
    poll_s: Annotated[Seconds, Field(ge=0.01, le=0.2)] = 0.05
    """So often the inputs are read."""
    watchdog_s: Annotated[Seconds, Field(ge=0.5, le=2.0)] = 1.5
    """The box's own timer: without a change of the watchdog coil for so long, it shuts the doors by itself.

    The lane changes it five times as often, and shuts the doors itself where its flow says nothing so long.
    """
    shuts_within_s: Annotated[Seconds, Field(le=30)] = 5.0
    """So long may a door take to shut; after that it is not proved to be, and the lane closes."""
    gap_s: Annotated[Seconds, Field(le=2)] = 0.3
    """Interruptions of a beam that lie less apart are one person's: two legs, a suitcase."""
    object_after_s: Annotated[Seconds, Field(le=3600)] = 30.0
    """A beam that is interrupted so long while nobody passes has an object in it (L02)."""

    @field_validator("host")
    @classmethod
    def _address(cls, host: str) -> str:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError("give the box's address as a number, such as 192.168.1.20") from None
        return host

    @model_validator(mode="after")
    def _wired(self) -> Self:
        for kind, names in (("coil", COILS), ("input", INPUTS)):
            numbers: dict[int, str] = {}
            for name in names:
                number = getattr(self, name)
                if number is not None and numbers.setdefault(number, name) != name:
                    raise ValueError(f"{name} and {numbers[number]} have the same {kind}, {number}")
        if self.entry_door is not None and None in (self.entry_shut, self.exit_shut):
            raise ValueError("an airlock (entry_door) needs both doors' contacts: exit_shut, entry_shut")
        for name in sorted(self.inverted):
            if getattr(self, name) is None:
                raise ValueError(f"inverted names {name}, which has no input")
        inputs = self.inputs()
        if max(inputs.values()) - min(inputs.values()) >= SPREAD:
            raise ValueError(f"the inputs must lie within {SPREAD} of each other: they are read at once")
        return self

    def inputs(self) -> dict[str, int]:
        """Those that are wired, by name, with their number."""
        numbers = {name: getattr(self, name) for name in INPUTS}
        return {name: number for name, number in numbers.items() if number is not None}

    def doors(self) -> dict[str, int]:
        """The doors, in the order in which a passenger comes to them, each with its coil."""
        both = {"entry": self.entry_door, "exit": self.exit_door}
        return {name: coil for name, coil in both.items() if coil is not None}
