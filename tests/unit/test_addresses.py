from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.images.addresses import AllowedHosts, is_public, resolve
from daemon.domain.errors import ConfigError, ImageRefused

# The registries of IANA, written down apart from the code.
SPECIAL_4 = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
]
SPECIAL_6 = [
    *("::/128", "::1/128", "::/96", "100::/64", "64:ff9b:1::/48", "2001::/32", "2001:2::/48"),
    *("2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
    *("fec0::/10", "ff00::/8"),
]


def inside(network: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    net = ipaddress.ip_network(network)
    return st.integers(int(net.network_address), int(net.broadcast_address)).map(
        IPv4Address if net.version == 4 else IPv6Address
    )


special = st.sampled_from([*SPECIAL_4, *SPECIAL_6]).flatmap(inside)
special_4 = st.sampled_from(SPECIAL_4).flatmap(inside)
any_4 = st.integers(0, 2**32 - 1).map(IPv4Address)
any_global_6 = st.integers(int(IPv6Address("2400::")), int(IPv6Address("2c0f::"))).map(IPv6Address)


@given(special)
@example(IPv4Address("169.254.169.254"))  # the metadata of clouds
@example(IPv6Address("fd00:ec2::254"))
def test_no_special_address_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(any_4)
@example(IPv4Address("8.8.8.8"))
@example(IPv4Address("172.32.0.1"))
@example(IPv4Address("11.0.0.0"))
def test_every_other_ipv4_address_is_public(address: IPv4Address) -> None:
    special = any(address in ipaddress.ip_network(network) for network in SPECIAL_4)

    assert is_public(address) is not special


@given(any_global_6)
def test_addresses_that_ipv6_hands_out_are_public(address: IPv6Address) -> None:
    assert is_public(address)


@given(special_4, st.sampled_from(["::ffff:0:0", "64:ff9b::", "::"]))
def test_a_private_address_in_the_clothes_of_ipv6_is_private(
    address: IPv4Address, clothes: str
) -> None:
    assert not is_public(IPv6Address(int(IPv6Address(clothes)) + int(address)))


@given(any_4)
def test_a_mapped_address_is_judged_as_the_one_it_holds(address: IPv4Address) -> None:
    for clothes in ("::ffff:0:0", "64:ff9b::"):
        assert is_public(IPv6Address(int(IPv6Address(clothes)) + int(address))) is is_public(
            address
        )


@given(special)
def test_what_is_not_public_is_refused_with_its_cure(address: IPv4Address | IPv6Address) -> None:
    with pytest.raises(ImageRefused, match="allow_hosts"):
        AllowedHosts().check("files.example", 80, [IPv4Address("8.8.8.8"), address])


def test_one_private_address_among_public_ones_is_enough() -> None:
    public, private = IPv4Address("8.8.8.8"), IPv4Address("10.0.0.1")

    AllowedHosts().check("a.example", 443, [public])
    for found in ([private], [public, private], [private, public]):
        with pytest.raises(ImageRefused, match=r"10\.0\.0\.1"):
            AllowedHosts().check("a.example", 443, found)


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "is_let_in"),
    [
        ("files.lan", "files.lan", 80, "10.0.0.1", True),
        ("files.lan", "FILES.lan.", 9000, "10.0.0.1", True),
        ("files.lan", "other.lan", 80, "10.0.0.1", False),
        ("files.lan", "x.files.lan", 80, "10.0.0.1", False),
        ("files.lan:9000", "files.lan", 9000, "10.0.0.1", True),
        ("files.lan:9000", "files.lan", 80, "10.0.0.1", False),
        ("10.0.0.0/8", "any.lan", 80, "10.200.0.1", True),
        ("10.0.0.0/8", "any.lan", 80, "::ffff:10.200.0.1", True),
        ("10.0.0.0/8", "any.lan", 80, "192.168.0.1", False),
        ("10.0.0.5", "any.lan", 80, "10.0.0.5", True),
        ("10.0.0.5", "any.lan", 80, "10.0.0.6", False),
        ("fd00::/8", "any.lan", 80, "fd00::7", True),
        ("[fd00::7]", "any.lan", 80, "fd00::7", True),
        ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1", True),
        ("127.0.0.1:8080", "127.0.0.1", 8081, "127.0.0.1", False),
    ],
)
def test_what_the_settings_let_in(
    entry: str, host: str, port: int, address: str, is_let_in: bool
) -> None:
    allowed, found = AllowedHosts.parse([entry]), [ipaddress.ip_address(address)]

    if is_let_in:
        allowed.check(host, port, found)
    else:
        with pytest.raises(ImageRefused, match="allow_hosts"):
            allowed.check(host, port, found)


@pytest.mark.parametrize(
    "entry", ["http://files.lan", "", "a b", "10.0.0.0/33", "files.lan:", "*/"]
)
def test_an_entry_that_means_nothing_is_a_fault_of_the_settings(entry: str) -> None:
    with pytest.raises(ConfigError, match="allow_hosts"):
        AllowedHosts.parse([entry])


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1"])
def test_this_machine_is_known_under_all_its_names(host: str) -> None:
    found = resolve(host, 80)

    assert found
    assert all(address.is_loopback for address in found)
