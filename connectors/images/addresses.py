"""Which machines an image may be fetched from.

An image's address is written by whoever may add a task, so it could point at the cloud's metadata
service, a router, or a database of the network that the daemon stands in. So only addresses of the
public internet are used, except for what the settings name. The rules are those of the IANA
registries of special-purpose addresses (RFC 6890); an IPv4 address inside an IPv6 one counts too.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from daemon.domain.errors import ConfigError, ImageRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.ip_network("2000::/3")  # all that IANA hands out of IPv6
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_KEPT_BACK = (  # special too, and not known as such to every Python
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("2002::/16"),  # 6to4: ends at an IPv4 address, and is obsolete
    ipaddress.ip_network("3fff::/20"),
)


def is_public(address: Address) -> bool:
    """Whether this is one machine of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    kept_back = any(address in network for network in _KEPT_BACK)
    return address.is_global and not address.is_multicast and not kept_back


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host, in the order of the system. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What may be reached although it is not public.

    places: (host, port), port None for every port. networks: whatever name leads there.
    """

    places: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """From the words of the settings: `files.lan`, `files.lan:9000`, `10.0.0.5` or
        `10.0.0.0/8`. Raises ConfigError."""
        networks, places = [], set()
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                places.add(_place(entry))
        return cls(places=frozenset(places), networks=tuple(networks))

    def with_place(self, host: str, port: int) -> Allowed:
        """The same, and this host at this port too."""
        added = self.places | {(_name(host), port)}
        return Allowed(places=added, networks=self.networks)

    def check(self, host: str, port: int, addresses: Iterable[Address]) -> None:
        """Raises ImageRefused unless the host may be reached at every one of its addresses."""
        if {(_name(host), port), (_name(host), None)} & self.places:
            return
        for address in addresses:
            if not is_public(address) and not self._covers(address):
                raise ImageRefused(
                    got=f"{host}, which is {address}",
                    expected="an address of the public internet",
                    cure=f'if that server may be trusted, add "{host}" to [images] allow_hosts in '
                    f"config.toml",
                )

    def _covers(self, address: Address) -> bool:
        """A network covers an address however it is written."""
        inner = _inside(address) if isinstance(address, ipaddress.IPv6Address) else None
        forms = [address] if inner is None else [address, inner]
        return any(
            form.version == network.version and form in network
            for form in forms
            for network in self.networks
        )


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _name(host: str) -> str:
    return host.lower().rstrip(".")


def _place(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":") if ":" in entry else (entry, "", "")
    if not host or "/" in entry or " " in entry or (colon and not port.isdecimal()):
        raise ConfigError(
            f"[images] allow_hosts: got {entry!r}; expected a host as files.lan or "
            f"files.lan:9000, an address, or a network as 10.0.0.0/8"
        )
    return _name(host.strip("[]")), int(port) if colon else None


# What cloud storages and their proxies add to an address to sign it: it names no other object.
_SIGNED = frozenset(
    (
        *("awsaccesskeyid", "expires", "signature", "policy", "key-pair-id", "googleaccessid"),
        *("sv", "sr", "sig", "st", "se", "sp", "spr", "sks", "ske", "skt", "skv", "skoid", "sktid"),
    )
)
_SIGNED_PREFIXES = ("x-amz-", "x-goog-")


def without_signature(address: str) -> str:
    """An http(s) address without what signs it, in the forms of Amazon, Google and Azure; others
    as they are. Two addresses that differ in nothing else name the same stored object."""
    if "?" not in address:  # quick: asked of every image at every listing
        return address
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.query:
            return address
        fields = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return address
    kept = [(name, value) for name, value in fields if not _signs(name.lower())]
    return (
        address if len(kept) == len(fields) else urlunsplit(parts._replace(query=urlencode(kept)))
    )


def _signs(name: str) -> bool:
    return name in _SIGNED or name.startswith(_SIGNED_PREFIXES)
