"""What a command measures, in one form: named figures, what the work was, and a stamp.

Tables, drawings, comparisons and reports read this form alone. A file may come from another machine: a number
that is none, a field that nobody knows and a name that stands twice are refused.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

FORM: Literal[1] = 1
"""The version of this form."""
SHARE = "share"
"""The unit of a fraction of 1, which is shown in per cent."""

Name = tuple[str, ...]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[int, Field(gt=-(2**63), lt=2**63)] | Annotated[float, Field(gt=-1e18, lt=1e18)]
Interval = tuple[Number, Number]
"""Of 95 %."""


class Form(BaseModel):
    """Strict, and never changed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class NotAvailable(Form):
    not_available: str


class Figure(Form):
    """One number of a result, or why there is none."""

    name: Annotated[Name, Field(min_length=1)]
    """From the widest to the narrowest, such as provider, stage. The first names the table that shows it."""
    value: Number | NotAvailable
    """Of many samples the median."""
    unit: str = ""
    better: Literal["lower", "higher"] | None = None
    """Where results are compared by this figure."""
    interval: Interval | None = None
    by_people: Interval | None = None
    """The same where people are drawn again, not comparisons."""
    errors: Count | None = None
    n: Count | None = None
    tails: dict[str, Number] = Field(default_factory=dict)
    """Of many samples, beside the median, such as `p99` and `max`."""
    note: str = ""
    detail: bool = False
    """Whether it stands in the file alone: not in tables, comparisons and reports."""

    @property
    def number(self) -> float | None:
        return None if isinstance(self.value, NotAvailable) else self.value

    @property
    def quantiles(self) -> dict[str, float]:
        """Of many samples all of them, the median first; empty for a single number."""
        median = self.number
        return {} if median is None or not self.tails else {"p50": median, **self.tails}


class Commit(Form):
    """Null where the code was no git checkout."""

    id: str | None
    dirty: bool | None


class PolicyIdentity(Form):
    version: str
    sha256: str


class Network(Form):
    """A network that took part, and the provider that all of its nodes ran on."""

    role: str
    name: str
    sha256: str
    provider: str


class Clock(Form):
    function: str
    implementation: str
    source: str | None


class Stamp(Form):
    """What a result depends on; a field that is not set was not said."""

    date_utc: str
    commit: Commit
    cpu: str
    cores: Count
    os: str
    python: str
    libraries: dict[str, str]
    features: tuple[str, ...] = ()
    memory_bytes: Count | None = None
    memory_limit_bytes: Count | None = None
    gpus: Count = 0
    gpu_models: tuple[str, ...] = ()
    gpu_driver: str | None = None
    host_cores: Count | None = None
    affinity: Count | None = None
    quota_cores: Number | None = None
    threads: Count | None = None
    threads_asked: Count | None = None
    clock: Clock | None = None
    policy: PolicyIdentity | None = None
    networks: tuple[Network, ...] = ()
    arithmetic: str | None = None

    @property
    def weights(self) -> list[str]:
        return sorted({f"{one.name} {one.sha256}" for one in self.networks})

    @property
    def same_lane(self) -> dict[str, JsonValue]:
        """Conditions of what a lane's rules and networks do."""
        return {"policy": self.policy.sha256 if self.policy else None, "weights": [*self.weights]}


class Result(Form):
    """What one run of a command measured."""

    form: Literal[1] = FORM
    benchmark: str
    stamp: Stamp
    conditions: dict[str, JsonValue]
    """What the work was: with others the figures are of different things, and are not compared."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """How it was measured, which may differ."""
    figures: tuple[Figure, ...]
    meaning: dict[str, str] = Field(default_factory=dict)
    """What names stand for."""
    drawings: tuple[str, ...] = ()
    """Files beside this one."""

    @model_validator(mode="after")
    def _names_stand_once(self) -> Self:
        if len(self._by_name) < len(self.figures):
            names = [one.name for one in self.figures]
            raise ValueError(f"a figure stands twice: {next(n for n in names if names.count(n) > 1)}")
        return self

    @cached_property
    def _by_name(self) -> dict[Name, Figure]:
        return {one.name: one for one in self.figures}

    def find(self, *name: str) -> Figure | None:
        return self._by_name.get(name)

    def __getitem__(self, name: Name) -> Figure:
        return self._by_name[name]

    def under(self, *first: str) -> Iterator[Figure]:
        return (one for one in self.figures if one.name[: len(first)] == first)

    @property
    def compared(self) -> Iterator[Figure]:
        """Those by which results are compared."""
        return (one for one in self.figures if one.better and not one.detail and one.number is not None)

    @property
    def not_available(self) -> dict[str, str]:
        """What this machine could not do, and why."""
        return {
            ", ".join(one.name): one.value.not_available
            for one in self.figures
            if isinstance(one.value, NotAvailable) and not one.detail
        }

    def text(self) -> str:
        """As JSON, a figure in a line."""
        whole = self.model_dump(mode="json", exclude_unset=True) | {"form": self.form}
        lines = [json.dumps(one, ensure_ascii=False, allow_nan=False) for one in whole.pop("figures")]
        head = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
        return head + ',\n "figures": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"


def counts(row: Name, numbers: Mapping[str, float], *, detail: bool = False) -> Iterator[Figure]:
    """Numbers that are neither better nor worse, in one row of a table."""
    return (Figure(name=(*row, name), value=one, detail=detail) for name, one in numbers.items())


def not_available(why_by_name: Mapping[str, str], *row: str) -> Iterator[Figure]:
    """What this machine could not do."""
    return (
        Figure(name=(*row, name), value=NotAvailable(not_available=why)) for name, why in why_by_name.items()
    )
