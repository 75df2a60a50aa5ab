"""Which hosts an image may be fetched from.

An image's address is written by whoever may add a task, so it could point at the cloud's metadata
service, a router, or a database of the daemon's own network. So only addresses of the public
internet are used, except for hosts that the settings name. The rules are those of the IANA
registries of special-purpose addresses (RFC 6890); an IPv4 address inside an IPv6 one counts too.
They are written by hand on purpose: `ipaddress.is_global` alone lets 6to4 and NAT64 through.
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
_NOT_PUBLIC = (  # special too, and not known as such to every Python
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("2002::/16"),  # 6to4: ends at an IPv4 address, and is obsolete
    ipaddress.ip_network("3fff::/20"),
)


def is_public(address: Address) -> bool:
    """Whether this is one machine of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded_ipv4(address)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    is_special = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not is_special


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host, in the order of the system. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, kw_only=True)
class AllowedHosts:
    """Hosts that may be reached although they are not public.

    hosts: (name, port), port None for every port. networks: under whatever name.
    """

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """From [images] allow_hosts: `files.lan`, `files.lan:9000`, `10.0.0.5` or
        `10.0.0.0/8`. Raises ConfigError."""
        networks, hosts = [], set()
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(_host_and_port(entry))
        return cls(hosts=frozenset(hosts), networks=tuple(networks))

    def with_host(self, host: str, port: int) -> AllowedHosts:
        """The same, and this host at this port too."""
        hosts = self.hosts | {(_normalized(host), port)}
        return AllowedHosts(hosts=hosts, networks=self.networks)

    def check(self, host: str, port: int, addresses: Iterable[Address]) -> None:
        """Raises ImageRefused unless the host may be reached at every one of its addresses."""
        if {(_normalized(host), port), (_normalized(host), None)} & self.hosts:
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
        inner = _embedded_ipv4(address) if isinstance(address, ipaddress.IPv6Address) else None
        forms = [address] if inner is None else [address, inner]
        return any(
            form.version == network.version and form in network
            for form in forms
            for network in self.networks
        )


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _normalized(host: str) -> str:
    return host.lower().rstrip(".")


def _host_and_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":") if ":" in entry else (entry, "", "")
    if not host or "/" in entry or " " in entry or (colon and not port.isdecimal()):
        raise ConfigError(
            f"[images] allow_hosts: got {entry!r}; expected a host as files.lan or "
            f"files.lan:9000, an address, or a network as 10.0.0.0/8"
        )
    return _normalized(host.strip("[]")), int(port) if colon else None


# Query fields that cloud storages and their proxies add to sign an address: with or without them
# it names the same object.
_SIGNATURE_FIELDS = frozenset(
    (
        *("awsaccesskeyid", "expires", "signature", "policy", "key-pair-id", "googleaccessid"),
        *("sv", "sr", "sig", "st", "se", "sp", "spr", "sks", "ske", "skt", "skv", "skoid", "sktid"),
    )
)
_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-")


def without_signature(address: str) -> str:
    """An http(s) address without its signature, in the forms of Amazon, Google and Azure; any other
    address as it is. Two addresses that differ in nothing else name the same stored object."""
    if "?" not in address:  # quick: asked of every image at every listing
        return address
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.query:
            return address
        fields = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return address
    kept = [(name, value) for name, value in fields if not _is_signature_field(name.lower())]
    return (
        address if len(kept) == len(fields) else urlunsplit(parts._replace(query=urlencode(kept)))
    )


def _is_signature_field(name: str) -> bool:
    return name in _SIGNATURE_FIELDS or name.startswith(_SIGNATURE_PREFIXES)
