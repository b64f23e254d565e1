"""Nothing in this network is called, however it is written; what an installation opens, it opens and no more."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from jobtrail.core.errors import Denied, Invalid
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Rules, rules

STRICT = Rules()

DENIED = (
    # loopback and this host, in every spelling that a resolver or a browser may take
    "http://127.0.0.1/", "http://127.0.0.1:8080/", "http://127.1.2.3/", "http://0.0.0.0/", "http://0.1.2.3/", "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://[::127.0.0.1]/", "http://[::ffff:0:127.0.0.1]/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "http://127\u30020\u30020\u30021/", "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", "HTTP://127.0.0.1/",
    # private, shared, link-local
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://100.127.255.254/", "http://169.254.1.1/", "http://[fe80::1]/", "http://[fc00::1]/", "http://[fd12:3456::1]/",
    "http://[fec0::1]/", "http://[::ffff:10.0.0.1]/", "http://[::ffff:192.168.0.1]/",
    # tunnels that carry one
    "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/",
    "http://[2002:0a00:0001::1]/", "http://[2002:c0a8:0101::1]/", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2606:4700::5efe:10.0.0.1]/", "http://[2606:4700::200:5efe:127.0.0.1]/",
    # where clouds hand out credentials
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://168.63.129.16/", "http://192.0.0.192/",
    "http://169.254.170.2/v2/credentials", "http://[fd20:ce::254]/",
    # nobody's, everybody's, and for the books
    "http://224.0.0.1/", "http://239.255.255.250/", "http://[ff02::1]/", "http://240.0.0.1/", "http://255.255.255.255/",
    "http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://198.18.0.1/", "http://192.88.99.1/",
    "http://192.0.0.8/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[2001:2::1]/", "http://[100::1]/",
    "http://[4000::1]/", "http://[5f00::1]/",
    # names that only this network can know
    "http://localhost/", "http://LOCALHOST/", "http://foo.localhost/", "http://metadata/", "http://redis/",
    "http://metadata.google.internal/", "http://printer.local/", "http://router.lan/", "http://1.0.0.127.in-addr.arpa/",
    # ports of other services
    "http://example.org:22/", "http://example.org:25/", "http://example.org:6379/", "https://8.8.8.8:5432/",
)  # fmt: skip

INVALID = (
    # numbers that are addresses to some
    "http://2130706433/", "http://017700000001/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
    "http://127.1/", "http://127.0.1/", "http://127.0.0.01/", "http://256.0.0.1/", "http://1.2.3.4.5/", "http://127.0.0.0x1/",
    # who is the host?
    "http://user@example.org/", "http://user:secret@example.org/", "http://example.org@127.0.0.1/", "http://@127.0.0.1/",
    "http://example.org\\@127.0.0.1/", "http://example.org#@127.0.0.1:80\\", "http://127.0.0.1%2f@example.org/",
    "http://example.org%00.evil.example/", "http://exam%70le.org/", "http://[::1]evil.example/", "http://[::1/", "http://::1/",
    "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://[127.0.0.1]/", "http://127.0.0.1:80:80/",
    # names that are none
    "http://localhost./", "http://example.org./", "http://example..org/", "http://.example.org/", "http:///path", "http://",
    "http://-x.example/", f"http://{'a' * 64}.example/", f"http://{'a.' * 130}example/", "http://exam ple.org/",
    "http://exam\tple.org/", "http://example.org/\r\nHost: evil.example", "http://example.org/\x00", "http://*.example.org/",
    "http://ex℀mple.org/", "http://\u202eexample.org/", "//example.org/", "example.org", "",
    # other schemes and ports
    "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "javascript:alert(1)", "data:text/plain,x",
    "unix:///run/docker.sock", "dict://example.org:2628/", "ws://example.org/", "http:example.org", "http+unix://x/",
    "http://example.org:0/", "http://example.org:65536/", "http://example.org:-1/", "http://example.org:8o/",
    "http://example.org/ü", "http://" + "a" * 3_000,
)  # fmt: skip

PUBLIC = (
    ("https://example.org", "https", "example.org", 443, "/"),
    ("http://Example.ORG:8080/a?b=c#d", "http", "example.org", 8080, "/a?b=c"),
    ("https://bücher.example/x", "https", "xn--bcher-kva.example", 443, "/x"),
    ("http://8.8.8.8/", "http", "8.8.8.8", 80, "/"),
    ("http://[2606:4700:4700::1111]:8443/", "http", "2606:4700:4700::1111", 8443, "/"),
    ("http://[::ffff:8.8.8.8]/", "http", "::ffff:808:808", 80, "/"),
    ("http://[64:ff9b::8.8.8.8]/", "http", "64:ff9b::808:808", 80, "/"),
    ("https://a_b.example-1.org/%20", "https", "a_b.example-1.org", 443, "/%20"),
    ("https://1password.com/", "https", "1password.com", 443, "/"),
)


@pytest.mark.parametrize("url", DENIED)
def test_a_url_into_this_network_is_denied(url: str) -> None:
    with pytest.raises(Denied, match="may not be called"):
        guard.target(url, STRICT)


@pytest.mark.parametrize("url", INVALID, ids=repr)
def test_a_url_that_is_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        guard.target(url, STRICT)
    assert set(refused.value.fields) == {"url"}


@pytest.mark.parametrize(("url", "scheme", "host", "port", "path"), PUBLIC)
def test_a_public_url_is_read(url: str, scheme: str, host: str, port: int, path: str) -> None:
    found = guard.target(url, STRICT)
    assert (found.scheme, found.host, found.port, found.path) == (scheme, host, port, path)
    assert guard.target(found.url, STRICT) == found


def test_the_corpus_is_large() -> None:
    assert len({*DENIED, *INVALID}) >= 60


@pytest.mark.parametrize("number", ["2130706433", "017700000001", "0x7f000001", "127.1", "0177.0.0.1"])
def test_the_numbers_that_are_refused_do_lead_home(number: str) -> None:
    """Why they are: the system takes them for the loopback."""
    assert socket.inet_aton(number) == bytes((127, 0, 0, 1))
    with pytest.raises(Invalid, match="address"):
        guard.target(f"http://{number}/", STRICT)


@pytest.mark.parametrize(
    "addresses",
    [["8.8.8.8", "127.0.0.1"], ["2606:4700::1", "::1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::ffff:10.0.0.1"]],
    ids=str,
)
def test_one_private_address_among_public_ones_is_enough(addresses: list[str]) -> None:
    target = guard.target("https://example.org/", STRICT)
    with pytest.raises(Denied, match=r"example\.org has the address"):
        guard.check(target, [ip_address(one) for one in addresses], STRICT)


def test_a_host_without_an_address_is_not_called() -> None:
    with pytest.raises(Denied):
        guard.check(guard.target("https://example.org/", STRICT), [], STRICT)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9999/"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/"),
        ("10.0.0.0/8", "http://10.1.2.3/"),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/"),
        ("[::1]:8000", "http://[::1]:8000/"),
        ("::1", "http://[::1]/"),
        ("fd00::/8", "http://[fd12::1]/"),
        ("169.254.169.254", "http://169.254.169.254/"),
        ("*:9443", "https://8.8.8.8:9443/"),
        ("192.168.0.0/16:8080", "http://192.168.1.1:8080/"),
    ],
)
def test_what_is_allowed_is_called(allowed: str, url: str) -> None:
    assert guard.target(url, rules([allowed])).address is not None


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.2/"),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/"),
        ("10.0.0.0/8", "http://192.168.0.1/"),
        ("169.254.0.0/16", "http://169.254.169.254/"),  # never by a block
        ("0.0.0.0/0", "http://169.254.169.254/"),
        ("0.0.0.0/0", "http://100.100.100.200/"),
        ("::/0", "http://[fd00:ec2::254]/"),
        ("*:80", "http://10.0.0.1/"),  # opens a port of strangers, and no more
        ("*:9443", "https://127.0.0.1:9443/"),
        ("localhost", "http://127.0.0.1/"),
        ("example.org", "http://localhost/"),
    ],
)
def test_nothing_beside_it_is(allowed: str, url: str) -> None:
    with pytest.raises(Denied):
        guard.target(url, rules([allowed]))


def test_a_name_that_is_allowed_may_have_a_private_address_and_no_cloud_behind_it() -> None:
    ours = rules(["hooks.internal:9000"])
    target = guard.target("http://hooks.internal:9000/", ours)
    assert guard.check(target, [ip_address("10.0.0.5")], ours) == (ip_address("10.0.0.5"),)
    for address in ("169.254.169.254", "::ffff:169.254.169.254"):
        with pytest.raises(Denied, match="credentials"):
            guard.check(target, [ip_address(address)], ours)
    with pytest.raises(Denied):
        guard.target("http://hooks.internal:9001/", ours)


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "http://x.org", "a b", "x:0", "x:70000", "*", "[::1", "user@x", "/etc", "1.2.3"]
)
def test_an_entry_that_is_none_is_told(entry: str) -> None:
    with pytest.raises(Invalid):
        rules([entry])


def test_a_url_with_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(guard.target("https://example.org/?key=s3cret", STRICT))
