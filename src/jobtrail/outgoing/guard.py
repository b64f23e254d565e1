"""Which URLs and addresses may be called: pure checks. Nothing is resolved or opened here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from jobtrail.core.errors import Denied, Invalid

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

PORTS: Final = frozenset({80, 443, 8080, 8443})
MOST_CHARACTERS: Final = 2_048
_BY_SCHEME: Final = {"http": 80, "https": 443}
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NEVER_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\\^`{|}<>\"]")
_OF_THIS_NETWORK: Final = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa")

_CLOSED: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(block), what)
    for block, what in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "this host"),
        ("::1/128", "loopback"),
        ("2001::/23", "reserved or a tunnel"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
"""By our own list, not by `is_private` or `is_global`: what those answer differs between versions of Python."""

_UNICAST: Final = tuple(map(IPv6Network, ("2000::/3", "::ffff:0:0/96", "64:ff9b::/96")))
"""What can be public at all in IPv6: unicast, and IPv4 addresses mapped or behind NAT64."""
_METADATA: Final = frozenset(
    ip_address(one)
    for one in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
                "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
)  # fmt: skip
"""Where clouds hand out credentials: an installation that calls its own network still does not mean these."""

_WRAPPED: Final[tuple[tuple[IPv6Network, int], ...]] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
"""IPv6 blocks that carry an IPv4 address, and by how many bits it is shifted."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of the allow list: a name, or a block of addresses, or any host; with a port, or all ports."""

    host: str | None = None
    network: Network | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be called beside public addresses, and on which ports public addresses may be called."""

    allowed: tuple[Opening, ...] = ()
    ports: frozenset[int] = PORTS


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called if its addresses may. `host` is ASCII and lower case; `address`: it is no name."""

    url: str = field(repr=False)  # its query may hold secrets
    scheme: str
    host: str
    port: int
    path: str = field(repr=False)  # with the query
    address: Address | None = None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return _shown(self.host, None if self.port == _BY_SCHEME[self.scheme] else self.port)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port


def rules(allowed: Iterable[str], ports: Iterable[int] = PORTS) -> Rules:
    """Rules from an allow list of `host`, `host:port`, address, block (`10.0.0.0/8`), `[v6]:port` or `*:port`.

    Raises Invalid for an entry that is none of them.

    >>> rules(["10.1.0.0/16", "hooks.internal:9000"]).allowed[1].port
    9000
    """
    return Rules(tuple(_entry(text) for text in allowed), frozenset(ports))


def target(url: str, rules: Rules) -> Target:
    """Reads a URL and checks everything that can be checked without resolving its host.

    Raises Invalid when it is no plain http or https URL, Denied when it may not be called.

    >>> target("https://example.org/hook", Rules()).authority
    'example.org'
    """
    if not isinstance(url, str) or len(url) > MOST_CHARACTERS:
        raise _invalid(f"a URL has at most {MOST_CHARACTERS} characters")
    if _NEVER_IN_URL.search(url):
        raise _invalid("a URL holds no spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid(f"this URL cannot be read: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in _BY_SCHEME or not parts.netloc:
        raise _invalid("a URL begins with https:// or http:// and a host")
    if "@" in parts.netloc:
        raise _invalid("a URL names no user and no password")
    host, address = _host(parts.netloc)
    port = _BY_SCHEME[scheme] if port is None else port
    if port == 0:
        raise _invalid("there is no port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise _invalid("a URL is written in ASCII: encode the other characters with %")
    found = Target(f"{scheme}://{_shown(host, port)}{path}", scheme, host, port, path, address)
    _check_name(found, rules)
    if address is not None:
        check(found, [address], rules)
    return found


def check(target: Target, addresses: Sequence[Address], rules: Rules) -> tuple[Address, ...]:
    """The addresses that a host was resolved to, if every single one may be called. Raises Denied."""
    if not addresses:
        raise Denied(f"{target.host} has no address")
    for address in addresses:
        what = _against(address, target.host, target.port, rules)
        if what is not None:
            at = "" if target.address is not None else f" has the address {address}, which"
            raise _denied(f"{target.host}{at} may not be called: it is {what}")
    return tuple(addresses)


def closed(address: Address) -> str | None:
    """Why an address is not for strangers; None: it is public."""
    if address in _METADATA:
        return "where a cloud hands out credentials"
    if isinstance(address, IPv6Address):
        for inner in _inner(address):
            what = closed(inner)
            if what is not None:
                return f"{what}, wrapped in IPv6"
    for network, what in _CLOSED:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, IPv6Address) and not any(address in block for block in _UNICAST):
        return "not public"
    return None


def _inner(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries."""
    number = int(address)
    found = [IPv4Address(number >> shift & 0xFFFFFFFF) for block, shift in _WRAPPED if address in block]
    if number >> 32 & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
        found.append(IPv4Address(number & 0xFFFFFFFF))
    return found if number > 1 else []


def _against(address: Address, host: str, port: int, rules: Rules) -> str | None:
    """Why this address may not be called on this port; None: it may."""
    plain = [address, *(_inner(address) if isinstance(address, IPv6Address) else [])]
    secretive = any(one in _METADATA for one in plain)
    named = [one for one in rules.allowed if one.port in (None, port)]
    for one in named:
        if one.network is not None and any(
            each in one.network for each in plain if each.version == one.network.version
        ):
            if not secretive or one.network.num_addresses == 1:
                return None
        elif one.host == host and not secretive:
            return None
    what = closed(address)
    if what is not None:
        return f"{what} ({address})" if str(address) != host else what
    if port not in rules.ports and not any(one.host == "*" for one in named):
        return f"port {port}, and strangers are called on {', '.join(map(str, sorted(rules.ports)))} only"
    return None


def _check_name(target: Target, rules: Rules) -> None:
    """Names that cannot be public, and ports that no rule opens: told before anybody resolves anything."""
    if target.address is not None:
        return
    if any(one.host == target.host and one.port in (None, target.port) for one in rules.allowed):
        return
    labels = target.host.split(".")
    blocks = any(one.network is not None for one in rules.allowed)
    if (len(labels) == 1 or labels[-1] in _OF_THIS_NETWORK) and not blocks:
        raise _denied(f"{target.host} is a name of this network, and may not be called")
    if target.port not in rules.ports and not any(one.port in (None, target.port) for one in rules.allowed):
        ports = ", ".join(map(str, sorted(rules.ports)))
        raise _denied(f"{target.host}:{target.port} may not be called: strangers are called on port {ports} only")


def _host(netloc: str) -> tuple[str, Address | None]:
    """The host in ASCII and lower case, and the address that it is, if it is no name."""
    if netloc.startswith("["):
        inside, _, rest = netloc[1:].partition("]")
        if "%" in inside or (rest and not rest.startswith(":")):
            raise _invalid("an IPv6 host is written [2001:db8::1], without a zone")
        try:
            six = IPv6Address(inside)
        except ValueError:
            raise _invalid(f"{inside[:60]!r} is no IPv6 address") from None
        return str(six), six
    host = _ascii(netloc.rpartition(":")[0] if ":" in netloc else netloc)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # what ends in a number is an address to whoever connects, however it is written
        try:
            four = IPv4Address(host)
        except ValueError:
            raise _invalid(f"{host[:60]!r} is not how an address is written: four decimal numbers") from None
        return str(four), four
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(f"{host[:60]!r} is no host's name")
    return host, None


def _ascii(host: str) -> str:
    """As the domain name system has it. Digits and dots of other scripts become plain ones, and are looked at as such."""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise _invalid("the host's name cannot be written in ASCII; give it as xn--…") from None
    return host.lower()


def _entry(text: str) -> Opening:
    """One entry of the allow list."""
    rest, port = text.strip(), None
    match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+):([0-9]{1,5})", rest)
    if match is not None:
        rest, port = match[1], int(match[2])
    if port is not None and not 1 <= port <= 65_535:
        raise Invalid(f"{text!r}: there is no port {port}")
    rest = rest.strip("[]") if rest.endswith("]") else rest
    try:
        return Opening(network=ip_network(rest), port=port)
    except ValueError as error:
        if "/" in rest or ":" in rest:
            raise Invalid(f"{text!r} is no block of addresses: {error}") from None
    if rest == "*" and port is not None:
        return Opening(host="*", port=port)
    try:
        host, _ = _host(rest)
    except Invalid as error:
        raise Invalid(f"{text!r} may stand in no allow list: {error.message}") from None
    return Opening(host=host, port=port)


def _shown(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _invalid(what: str) -> Invalid:
    return Invalid(what, fields={"url": what})


def _denied(what: str) -> Denied:
    hint = "an installation that calls its own network lists it in JOBTRAIL_OUTGOING_ALLOW"
    return Denied(f"{what}; {hint}", fields={"url": f"{what}; {hint}"})
