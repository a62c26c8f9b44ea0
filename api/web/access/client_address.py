"""The address of a browser, as far as the desk can know it: failed sign-ins are counted by it.

Anybody can write anything into X-Forwarded-For. What a trusted proxy adds stands last, so the list is read
from its end, and only as far as each address is one of a trusted proxy: the first that is not is the browser.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HOUSEHOLD = 64
"""The bits of an IPv6 address that name the network; a client may use all addresses in it."""


def source(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """The address of a browser; of IPv6, its network.

    None where browsers cannot be told apart: behind a proxy here that is not trusted, or that names none.
    """
    found = _read(peer or "")
    if found is None:
        return None
    hops = [hop for line in forwarded for hop in line.split(",")]
    while hops and _is_one_of(found, trusted):
        before = _read(hops.pop())
        if before is None:
            break
        found = before
    if found.is_loopback:
        return None
    return (
        str(found) if isinstance(found, IPv4Address) else str(IPv6Network((found, _HOUSEHOLD), strict=False))
    )


def _is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _read(text: str) -> Address | None:
    """An address, with or without a port, as proxies write it; None for anything else."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
