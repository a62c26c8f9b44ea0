"""What a command measures, in one form: named figures, what the work was, and a stamp; in a file, too.

Tables, drawings, comparisons and reports read this form alone. A file may come from another machine: a number
that is none, a field that nobody knows and a name that stands twice are refused. It is written whole.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from benchmarks.errors import BenchmarkError
from models.catalogue.weights import write_atomically

FORM: Literal[1] = 1
"""The version of this form."""
SHARE = "share"
"""The unit of a fraction of 1, which is shown in per cent."""

Name = tuple[str, ...]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[int, Field(gt=-(2**63), lt=2**63)] | Annotated[float, Field(gt=-1e18, lt=1e18)]
Interval = tuple[Number, Number]
"""Of 95 %."""
STDOUT = Path("-")
LARGEST_BYTES = 64 << 20
"""More than any result has; the largest that is committed has 0.2 MB."""
NO_BREAK, REPLACED = "\N{NO-BREAK SPACE}", "\N{REPLACEMENT CHARACTER}"


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


def read(path: Path) -> Result:
    """BenchmarkError for a file that is missing, too large, or no result in this form."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise BenchmarkError(f"{path} is larger than any result: more than {LARGEST_BYTES >> 20} MB")
    return parse(content, str(path))


def parse(content: bytes | str, where: str) -> Result:
    """BenchmarkError where this is no result; `where` it stands is named."""
    try:
        found = json.dumps(_printable(json.loads(content, parse_constant=_no_number)))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, NaN, nested without an end
        raise BenchmarkError(f"{where} is no result: no JSON that can be read ({error})") from error
    try:
        return Result.model_validate_json(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        why = f"{where} is no result in form {FORM}: {field}: {first['msg']}"
        raise BenchmarkError(f"{why}. Measure it again with this release") from error


def printable(text: str) -> str:
    """A foreign text without what a terminal obeys, or a page may not hold."""
    kept = (one if one.isprintable() or one == NO_BREAK else REPLACED for one in text)
    return "".join(kept)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        return {printable(key): _printable(one) for key, one in value.items()}
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def write(text: str, out: Path) -> None:
    """To the file, which appears at once and whole, or to standard output. BenchmarkError if it cannot be."""
    if out == STDOUT:
        sys.stdout.write(text)
        return
    try:
        write_atomically(out, text.encode())
    except OSError as error:
        raise BenchmarkError(f"{out} cannot be written: {error.strerror}") from error


def must_be_writable(out: Path | None) -> Path | None:
    """Before minutes of measuring: BenchmarkError if no file can be put there."""
    if out is None or out == STDOUT:
        return out
    if out.is_dir():
        raise BenchmarkError(f"{out} cannot be written: it is a folder")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise BenchmarkError(f"{out} cannot be written: no folder {out.parent} to write into")
    return out


def shown(value: float, unit: str = "") -> str:
    """A number as a person reads it: four digits at most that say something; a share in per cent."""
    if unit == SHARE:
        return shown(value * 100, "%")
    size = abs(value)
    digits = 0 if size >= 1000 or value == round(value) else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}" if not 0 < size < 0.05 else f"{value:.2g}"
    return text + (unit if unit in ("%", "×") else f"{NO_BREAK}{unit}" if unit else "")
