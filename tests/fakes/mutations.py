"""What a fuzzer makes of valid inputs, the same for the same random numbers.

JSON: types exchanged, keys dropped, numbers huge or no numbers, texts that no text should be.
Bytes: flipped, cut, repeated. Masks: the same inside their code, so that it can still be opened.
"""

from __future__ import annotations

import base64
import copy
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

URL_START = "data:image/png;base64,"
NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3.5, -0.0, 255, 256, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1),
    *(10**30, 1.7e12, 1e308, -1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
)
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\udce9", "caf\udce9.png", "\u202egnp.exe", "None", "null"),
    *("1", "-7", "nan", "true", "1e999", "²", "٣", "' OR 1=1; --", "<script>", "../../etc/passwd"),
    *("http://[::1/x.png", "//", "data:image/png;base64,AAAA", "s3://", "\n\r\t\x1b[31m"),
    *("2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-13-45T99:00:00Z"),
    *("9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    *("2150-06-01T00:00:00.5+05:30", "1969-12-31T23:00:00Z", "\N{SNOWMAN}" * 50),
)
LONG = 100_000  # characters
DEEP = 150  # lists in lists


def mutated(rng: random.Random, value: Any) -> Any:
    """A copy of a JSON value in which one to three places are odd, half of them its own fields."""
    root = [copy.deepcopy(value)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(root))
        near = [place for place in places if place[0] is root[0]]
        holder, key = rng.choice(near if near and rng.random() < 0.5 else places)
        _change(rng, holder, key)
    return root[0]


def odd(rng: random.Random) -> Any:
    """Any JSON value that should not be where it is put."""
    match rng.randrange(100):
        case 0:
            return "x" * LONG
        case 1 | 2:
            return _nested(rng.randint(2, DEEP), rng.random() < 0.5)
        case n if n < 35:
            return rng.choice(NUMBERS)
        case n if n < 65:
            return rng.choice(TEXTS)
        case _:
            return copy.deepcopy(rng.choice((None, True, False, [], {}, [[]], [None], {"id": 3})))


def broken(rng: random.Random, content: bytes) -> bytes:
    """Bytes with one to eight faults."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out)) if out else 0
        match rng.randrange(6):
            case 0 | 1 | 2 if out:
                out[at] ^= 1 << rng.randrange(8)
            case 3 if out:
                del out[at : at + rng.randint(1, 40)]
            case 4:
                out[at:at] = out[at : at + rng.randint(1, 40)]
            case _:
                out[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(out[: rng.randrange(len(out))] if out and rng.random() < 0.1 else out)


def broken_region(rng: random.Random, region: dict[str, Any]) -> dict[str, Any]:
    """A region whose mask is odd, and now and then the rest too."""
    region = copy.deepcopy(region)
    value = region["value"]
    if "imageDataURL" in value:
        value["imageDataURL"] = _broken_url(rng, value["imageDataURL"])
    elif "rle" in value:
        value["rle"] = _broken_rle(rng, value["rle"])
    else:
        region["value"] = mutated(rng, value)
    return mutated(rng, region) if rng.random() < 0.1 else region


def _broken_url(rng: random.Random, url: str) -> Any:
    if rng.random() < 0.2:
        return odd(rng)
    if rng.random() < 0.2:
        at = rng.randrange(len(url))
        return url[:at] + rng.choice(("", "=", "é", "\n", "%20", "\udce9")) + url[at + 1 :]
    png = base64.b64decode(url.removeprefix(URL_START))
    png = _broken_chunk(rng, png) if rng.random() < 0.6 else broken(rng, png)
    return URL_START + base64.b64encode(png).decode()


def _broken_chunk(rng: random.Random, png: bytes) -> bytes:
    """A PNG one of whose parts is odd, though its length and checksum are right."""
    parts, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        parts.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    place = rng.randrange(len(parts))
    name, content = parts[place]
    if name == b"IDAT" and rng.random() < 0.7:
        content = zlib.compress(broken(rng, zlib.decompress(content)))
    else:
        content = broken(rng, content)
    parts[place] = (name, content)
    if rng.random() < 0.2:
        parts.insert(rng.randrange(len(parts)), rng.choice(parts))
    return png[:8] + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    sum_of = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + sum_of


def _broken_rle(rng: random.Random, rle: list[int]) -> Any:
    if rng.random() < 0.2:
        return odd(rng)
    if rng.random() < 0.7:
        return list(broken(rng, bytes(rle)))
    rle = list(rle)
    rle[rng.randrange(len(rle))] = odd(rng)
    return rle


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (list or object, index or key), but few of a long list."""
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 12))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from _places(value[key])


def _change(rng: random.Random, holder: Any, key: Any) -> None:
    old = holder[key]
    match rng.randrange(10):
        case 0 | 1 if isinstance(holder, dict):
            del holder[key]
        case 2:
            holder[key] = [old] if rng.random() < 0.5 else {"value": old}
        case 3:
            holder[key] = str(old)
        case 4 if isinstance(old, list):
            old.extend(copy.deepcopy(old[:2]) or [odd(rng)])
        case 4 if isinstance(old, dict):
            old[str(odd(rng))[:50]] = odd(rng)
        case 5 if isinstance(old, str) and old:
            at = rng.randrange(len(old))
            holder[key] = old[:at] + rng.choice(("", "\x00", "\ud800", "é", "9")) + old[at + 1 :]
        case _:
            holder[key] = odd(rng)


def _nested(depth: int, as_lists: bool) -> Any:
    value: Any = 7
    for _ in range(depth):
        value = [value] if as_lists else {"a": value}
    return value
