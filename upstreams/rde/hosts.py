"""Where a report file may be fetched from: the guard against links that lead into a private network.

A link is data from outside, so its host must be on the list, and the addresses that the host resolves to must be
public. The connection then goes to the very address that was checked: a second lookup could give another one.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.endpoints import LOOPBACK
from upstreams.errors import RDE, UpstreamBadResponse, UpstreamUnavailable

if TYPE_CHECKING:
    import httpx

LARGEST_PORT = 65535
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class ReportHosts:
    """Patterns like `*.blob.core.windows.net` (any subdomain) or whole host names; ports do not matter."""

    patterns: tuple[str, ...]

    def allows(self, host: str) -> bool:
        """Whether the host is on the list, in any case."""
        name = host.lower()
        return any(_matches(name, pattern.lower().strip("[]")) for pattern in self.patterns)

    async def address(self, url: "httpx.URL") -> str:
        """An address of the link's host, IPv4 before IPv6, after all of its addresses were checked.

        Raises:
            UpstreamBadResponse: the link, or an address behind it, is not allowed.
            UpstreamUnavailable: the host name does not resolve.
        """
        host = url.host
        if url.userinfo or not self.allows(host):
            raise UpstreamBadResponse(RDE, "a report's link leads to a host that is not allowed")
        if url.scheme != "https" and not (url.scheme == "http" and host.lower() in LOOPBACK):
            raise UpstreamBadResponse(RDE, "a report's link is not https")
        port = DEFAULT_PORTS[url.scheme] if url.port is None else url.port
        if not 0 < port <= LARGEST_PORT:
            raise UpstreamBadResponse(RDE, "a report's link has an impossible port")
        addresses = await _resolve(host, port)
        if not all(_is_public(address) or self._is_own(host, address) for address in addresses):
            raise UpstreamBadResponse(RDE, "a report's link leads to an address that is not public")
        return addresses[0]

    def _is_own(self, host: str, address: str) -> bool:
        """Whether it is a simulator on this machine: a loopback name that is on the list, at a loopback address."""
        return host.lower() in LOOPBACK and ipaddress.ip_address(address).is_loopback


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) >= len(pattern)
    return name == pattern


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # An address that embeds an IPv4 address is judged by that one, because a gateway would deliver there.
        inner = ip.ipv4_mapped or ip.sixtofour or _behind_nat64(ip)
        return ip.is_global and not ip.is_multicast if inner is None else _is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _behind_nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside one of `64:ff9b::/96` (RFC 6052)."""
    inside = ip in ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if inside else None


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UpstreamUnavailable(RDE, "the host of a report's link does not resolve") from error
    ordered = sorted(found, key=lambda each: each[0] != socket.AF_INET)
    return list(dict.fromkeys(str(each[4][0]) for each in ordered))
