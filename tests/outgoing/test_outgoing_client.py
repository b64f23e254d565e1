"""What the guarded client calls is what was checked, and what comes back is bounded."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from outgoing.receiver import Receiver, Reply, receiving

from jobtrail.core.errors import Denied, Invalid, Unavailable
from jobtrail.outgoing import client
from jobtrail.outgoing.client import Request, send
from jobtrail.outgoing.guard import Address, Rules, rules

HOOKS = Path(__file__).with_name("hooks.pem")
"""A key with a certificate for hooks.example.org, which signs itself."""

KEYS = (("authorization", "Bearer x"), ("x-api-key", "x"), ("range", "bytes=0-9"), ("user-agent", "me"))


class Resolver:
    """Answers differently each time, as a name does that is rebound while it is checked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        return [ip_address(one) for one in self.answers[min(len(self.asked), len(self.answers)) - 1]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def named(receiver: Receiver, path: str = "/hook", host: str = "hooks.example.org") -> str:
    return f"http://{host}:{receiver.port}{path}"


def only(receiver: Receiver) -> Rules:
    """Rules that let this one receiver be called, by its address."""
    return rules([f"127.0.0.1:{receiver.port}"])


async def test_the_address_that_was_checked_is_called_with_the_name_as_host(receiver: Receiver) -> None:
    resolver = Resolver(["127.0.0.1"])
    sent = Request(url=named(receiver, "/hook?a=1"), method="POST", body=b"{}", headers=(("x-test", "yes"),))
    receiver.reply = lambda _, __: Reply(202, (("x-back", "there"),), b"thanks")
    answer = await send(sent, only(receiver), resolve=resolver)
    (got,) = receiver.got
    assert (answer.status, answer.body, answer.header("X-Back"), answer.cut) == (202, b"thanks", "there", False)
    assert (got.method, got.path, got.body, got.headers["x-test"]) == ("POST", "/hook?a=1", b"{}", "yes")
    assert got.headers["host"] == f"hooks.example.org:{receiver.port}"
    assert resolver.asked == ["hooks.example.org"]


async def test_a_name_that_is_rebound_after_the_check_changes_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is resolved once: what it says the second time, and to anybody else, is never asked for."""
    with receiving() as canary:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])

        def never(*_: object, **__: object) -> None:
            raise AssertionError("somebody resolved a name a second time")

        loop = asyncio.get_running_loop()
        original = loop.getaddrinfo

        async def only_addresses(host: str, *args: object, **more: object) -> object:
            ip_address(host)  # an address is no name; anything else is a second look-up
            return await original(host, *args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "getaddrinfo", only_addresses)
        monkeypatch.setattr("socket.gethostbyname", never)
        await send(Request(url=named(receiver)), only(receiver), resolve=resolver)
        assert (len(receiver.got), canary.got, resolver.asked) == (1, [], ["hooks.example.org"])


@pytest.mark.parametrize("others", [[], ["8.8.8.8"]], ids=["alone", "beside a public one"])
async def test_a_name_with_a_private_address_is_not_called(receiver: Receiver, others: list[str]) -> None:
    url = f"http://hooks.example.org:{receiver.port}/"
    opened = rules([f"*:{receiver.port}"])  # the port is no obstacle
    with pytest.raises(Denied, match="loopback"):
        await send(Request(url=url), opened, resolve=Resolver([*others, "127.0.0.1"]))
    assert receiver.got == []


async def test_a_name_that_turns_private_between_two_hops_is_not_followed(receiver: Receiver) -> None:
    """The first hop is allowed; the redirect leads to the same name, which is the loopback of another port now."""
    with receiving() as canary:
        receiver.reply = lambda _, __: Reply(302, (("location", named(canary)),))
        resolver = Resolver(["127.0.0.1"], ["127.0.0.1"])
        with pytest.raises(Denied):
            await send(Request(url=named(receiver), redirects=3), only(receiver), resolve=resolver)
        assert (len(receiver.got), canary.got) == (1, [])


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "//127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
     "http://2130706433:{port}/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x"],
)  # fmt: skip
async def test_a_redirect_into_this_network_is_refused(receiver: Receiver, location: str) -> None:
    with receiving() as canary:
        receiver.reply = lambda _, __: Reply(302, (("location", location.format(port=canary.port)),))
        with pytest.raises((Denied, Invalid)):
            await send(Request(url=receiver.url, redirects=3), only(receiver))
        assert canary.got == []


async def test_redirects_are_not_followed_unless_asked_for(receiver: Receiver) -> None:
    receiver.reply = lambda _, __: Reply(301, (("location", "/other"),))
    assert (await send(Request(url=receiver.url), only(receiver))).status == 301
    answer = await send(Request(url=receiver.url, method="POST", redirects=3), only(receiver))
    assert (answer.status, len(receiver.got)) == (301, 2)


async def test_at_most_three_redirects_are_followed(receiver: Receiver) -> None:
    receiver.reply = lambda n, _: Reply(302, (("location", f"/{n}"),))
    answer = await send(Request(url=receiver.url, redirects=99), only(receiver))
    assert (answer.status, [got.path for got in receiver.got]) == (302, ["/hook", "/1", "/2", "/3"])


async def test_a_key_does_not_travel_to_another_origin(receiver: Receiver) -> None:
    with receiving() as second:
        receiver.reply = lambda _, __: Reply(302, (("location", second.url),))
        request = Request(url=receiver.url, headers=KEYS, redirects=1)
        await send(request, rules([f"127.0.0.1:{receiver.port}", f"127.0.0.1:{second.port}"]))
        (first,), (got,) = receiver.got, second.got
    assert {name for name, _ in KEYS} <= first.headers.keys()
    assert {"authorization", "x-api-key"}.isdisjoint(got.headers)
    assert (got.headers["range"], got.headers["user-agent"]) == ("bytes=0-9", "me")


@pytest.mark.parametrize("location", ["http://[", "//[::1", "http://a]/", "http://x:99999999/"])
async def test_a_redirect_that_cannot_be_read_is_no_proper_answer(receiver: Receiver, location: str) -> None:
    receiver.reply = lambda _, __: Reply(302, (("location", location),))
    with pytest.raises((Unavailable, Invalid, Denied)):
        await send(Request(url=receiver.url, redirects=1), only(receiver))


async def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    receiver.reply = lambda _, __: Reply(200, body=b"x" * 1_000_000)
    answer = await send(Request(url=receiver.url, answer_max_bytes=1_000), only(receiver))
    assert (answer.body, answer.cut) == (b"x" * 1_000, True)


async def test_a_packed_answer_is_not_unpacked(receiver: Receiver) -> None:
    """A bomb stays as small as it came."""
    packed = gzip.compress(bytes(10_000_000))
    receiver.reply = lambda _, __: Reply(200, (("content-encoding", "gzip"),), packed)
    answer = await send(Request(url=receiver.url), only(receiver))
    assert answer.body == packed
    assert receiver.got[0].headers["accept-encoding"] == "identity"


async def test_an_answer_that_does_not_come_ends_with_the_time(receiver: Receiver) -> None:
    hold = threading.Event()
    receiver.reply = lambda _, __: Reply(hold=hold)
    try:
        with pytest.raises(Unavailable, match=r"within 0\.3 s"):
            await send(Request(url=receiver.url, timeout_seconds=0.3), only(receiver))
    finally:
        hold.set()


async def test_a_resolver_that_does_not_answer_ends_with_the_time(receiver: Receiver) -> None:
    async def silent(host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(Unavailable, match="within"):
        await send(Request(url="https://hooks.example.org/", timeout_seconds=0.05), Rules(), resolve=silent)


async def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    resolver = Resolver(["127.0.0.3", "127.0.0.1"])  # nobody listens on the first
    answer = await send(Request(url=named(receiver)), rules(["127.0.0.0/8"]), resolve=resolver)
    assert (answer.status, len(receiver.got)) == (200, 1)


async def test_nobody_there_is_told(receiver: Receiver) -> None:
    with receiving() as closed:
        port = closed.port
    with pytest.raises(Unavailable, match="cannot be reached"):
        await send(Request(url=f"http://127.0.0.1:{port}/"), rules(["127.0.0.1"]))


async def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        await send(Request(url=receiver.url), only(receiver))
        assert (len(receiver.got), proxy.got) == (1, [])


async def test_no_cookie_is_kept(receiver: Receiver) -> None:
    receiver.reply = lambda n, _: Reply(302, (("location", "/again"), ("set-cookie", "a=b"))) if n == 1 else Reply()
    await send(Request(url=receiver.url, redirects=1), only(receiver))
    assert ["cookie" in got.headers for got in receiver.got] == [False, False]


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Cookie", "CONNECTION"])
async def test_a_header_that_frames_the_request_is_refused(receiver: Receiver, name: str) -> None:
    with pytest.raises(Invalid, match="header"):
        await send(Request(url=receiver.url, headers=((name, "x"),)), only(receiver))
    assert receiver.got == []


@pytest.mark.parametrize(
    "header", [("x-a", "b\r\nhost: evil"), ("x-a", "\u00fc"), ("x a", "b"), ("", "b"), ("x-a\n", "b"), ("x-a", "b\x00")]
)
async def test_a_header_that_is_none_is_refused(receiver: Receiver, header: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match="cannot be sent"):
        await send(Request(url=receiver.url, headers=(header,)), only(receiver))
    assert receiver.got == []


async def test_a_method_that_tunnels_is_refused(receiver: Receiver) -> None:
    with pytest.raises(Invalid, match="CONNECT"):
        await send(Request(url=receiver.url, method="CONNECT"), only(receiver))


class Secure:
    """A server that speaks TLS and keeps which name it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def serve(self) -> asyncio.Server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(HOOKS)
        context.sni_callback = lambda _, name, __: self.asked.append(name)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
            writer.close()

        return await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)


@pytest.mark.parametrize(("host", "trusted"), [("hooks.example.org", True), ("other.example.org", False)])
async def test_the_certificate_must_be_that_of_the_name(host: str, trusted: bool) -> None:
    """Though the connection goes to an address: the server is asked for the name, and must prove it."""
    secure = Secure()
    server = await secure.serve()
    port = server.sockets[0].getsockname()[1]
    sent = send(
        Request(url=f"https://{host}:{port}/"), rules(["127.0.0.1"]), resolve=Resolver(["127.0.0.1"]),
        tls=ssl.create_default_context(cafile=str(HOOKS)),
    )  # fmt: skip
    if trusted:
        assert (await sent).body == b"ok"
    else:
        with pytest.raises(Unavailable, match=r"other\.example\.org"):
            await sent
    assert secure.asked == [host]
    server.close()
    await server.wait_closed()


async def test_a_certificate_that_nobody_signed_is_not_trusted() -> None:
    secure = Secure()
    server = await secure.serve()
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await send(
            Request(url=f"https://hooks.example.org:{port}/"), rules(["127.0.0.1"]), resolve=Resolver(["127.0.0.1"])
        )
    server.close()
    await server.wait_closed()


async def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be resolved"):
        await client.resolved("nobody.invalid", 80)


async def test_the_systems_resolver_answers_all_addresses() -> None:
    assert ip_address("127.0.0.1") in await client.resolved("localhost", 80)
