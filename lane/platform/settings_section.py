"""What sections of settings share: how strict they are, and whether a host is this machine."""

import ipaddress

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Unknown keys are refused, and no error repeats a value: it may be a secret."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


def is_loopback(host: str) -> bool:
    """Whether nothing leaves this machine on its way to that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
