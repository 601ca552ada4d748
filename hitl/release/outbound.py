"""Requests to addresses that others chose: the open internet alone, within one deadline, whatever is answered.

A receiver inside our own network could be anything, e.g. the metadata service of a cloud. So a name is looked up once,
every address that it has must be public, and the request goes to one of those, not to what the name means a moment
later. Redirects are not followed, and of the answer only the status is read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from hitl.settings import settings

if TYPE_CHECKING:  # a third of a second of every process that loads this file
    import httpx

Address = IPv4Address | IPv6Address

# What the tables of `ipaddress` leave open: protocol assignments, the dead relay of 6to4, documentation (RFC 9637).
ALSO_SPECIAL = [ipaddress.ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Networks of IPv6 whose addresses carry one of IPv4, and the bits that stand after it (RFC 6052, 3056, 4291, 2765).
CARRIERS = {
    ipaddress.ip_network("64:ff9b::/96"): 0,
    ipaddress.ip_network("2002::/16"): 80,
    ipaddress.ip_network("::ffff:0:0/96"): 0,
    ipaddress.ip_network("::ffff:0:0:0/96"): 0,
    ipaddress.ip_network("::/96"): 0,
}
ISATAP = (0x00005EFE, 0x02005EFE)


class AddressRefused(ValueError):
    """The address is none that we send to; the message says why."""


class NotReached(Exception):
    """There was no answer in time."""


def post(url: str, body: str, headers: dict[str, str], seconds: float) -> int:
    """The status with which a POST is answered within `seconds`, all in all. Raises AddressRefused, NotReached."""
    import httpx

    parsed = httpx.URL(url)
    pinned = parsed.copy_with(host=str(addresses_of(url, seconds)[0]))
    named = headers | {"host": parsed.netloc.decode()}
    try:
        return asyncio.run(_status(pinned, body, named, parsed.host, seconds))
    except TimeoutError as error:
        raise NotReached(f"no answer within {seconds:g} s") from error
    except httpx.HTTPError as error:
        raise NotReached(f"{type(error).__name__}: {error}") from error


async def _status(url: httpx.URL, body: str, headers: dict[str, str], name: str, seconds: float) -> int:
    import httpx

    async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
        asked = {"sni_hostname": name}
        async with client.stream("POST", url, content=body, headers=headers, extensions=asked) as answer:
            return answer.status_code


def addresses_of(url: str, seconds: float = 10.0) -> list[Address]:
    """Where the URL leads. Raises AddressRefused unless it is http(s), to an allowed port, and public throughout."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused("This is no web address.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise AddressRefused("A webhook needs an http or https address without a password in it.")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    found = _look_up(parsed.host, port, seconds)
    if settings().webhook_allow_private:
        return found
    if port not in settings().webhook_ports:
        allowed = ", ".join(map(str, settings().webhook_ports))
        raise AddressRefused(f"Webhooks are not sent to port {port}. COUNTERSIGN_WEBHOOK_PORTS allows {allowed}.")
    private = [address for address in found if not is_public(address)]
    if private:
        raise AddressRefused(
            f"{parsed.host} is a private address ({private[0]}). COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE=true allows it."
        )
    return found


def _look_up(host: str, port: int, seconds: float) -> list[Address]:
    """The addresses of a name. A resolver that hangs is left to itself: it cannot be interrupted."""
    answer: Future[list[Address]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found])
        except (OSError, ValueError) as error:  # UnicodeError of a name that is none is a ValueError
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(seconds)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise AddressRefused(f"The name {host} is not known.") from error


def is_public(address: Address) -> bool:
    """Whether an address lies in the open internet, and with it the IPv4 address that it may carry."""
    carried = carried_by(address) if isinstance(address, IPv6Address) else None
    if carried is not None:
        return is_public(carried)
    if isinstance(address, IPv6Address) and (address not in GLOBAL_UNICAST or address.is_site_local):
        return False
    special = any(address in network for network in ALSO_SPECIAL if network.version == address.version)
    return address.is_global and not (special or address.is_multicast or address.is_reserved)


def carried_by(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address in an IPv6 one: mapped, compatible, translated, NAT64, 6to4 or ISATAP."""
    number = int(address)
    for network, after in CARRIERS.items():
        if address in network:
            return IPv4Address(number >> after & 0xFFFFFFFF)
    return IPv4Address(number & 0xFFFFFFFF) if number >> 32 & 0xFFFFFFFF in ISATAP else None
