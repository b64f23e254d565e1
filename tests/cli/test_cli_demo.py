"""`jobtrail demo`: alone it kills, decides and proves by itself; with somebody before it, it shows, waits and stays."""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import wave
import zlib
from decimal import Decimal

import httpx2
import pytest
from cli.sitting import sitting
from cli.terminal import Terminal

from jobtrail.cli import dashboard, demo, demo_art, demo_frames, demo_story, demo_voice
from jobtrail.cli.demo_app import FRAMES, HARD_FRAME, QUESTION
from jobtrail.store import embedded

HARD = f"frame {HARD_FRAME}"


def test_alone_it_survives_a_kill_proves_it_and_ends(own: Terminal) -> None:
    ran = own.process("demo", "-o", "json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["good"] is True and told["repeated"] == [] and told["audit"]["findings"] == []
    (loss,) = told["losses"]
    assert loss["step"] == HARD and told["begun_again"] == [HARD] and 0 <= loss["resumed_seconds"] < 30
    assert Decimal(told["saved_usd"]) > Decimal(told["wasted_usd"]) > 0
    for said in (f"kill -9 {loss['pid']}", "none of them ran twice", "no money is spent", "/w/default/jobs/"):
        assert said in ran.err, ran.err
    assert "opening your browser" not in ran.err

    files = [one["name"] for one in own.ok("file", "list", "-o", "json").data]
    frames = [f"frame-{number:02}.png" for number in range(1, FRAMES + 1)]
    assert sorted(set(files)) == sorted(
        [
            *frames,
            *(f"voice-{act}.wav" for act in (1, 2, 3)),
            "cover.png",
            "script.md",
            "storyboard.png",
            "voice-over.wav",
        ]
    )
    drawn = own.ok("job", "timeline").out
    assert drawn.count(HARD) == 2 and "▚ attempt 1" in drawn
    assert "MODEL" in own.ok("job", "logs", "-o", "jsonl").out
    assert own.ok("usage", "-o", "json").data
    assert own.ok("audit", "verify").code == 0


def test_somebody_sees_the_page_decides_with_enter_and_ends_it_with_ctrl_c(own: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with sitting(own, "demo", "--pace", "0", JOBTRAIL_PORT=str(port)) as seat:
            assert f"port {port} is taken, so it is" in seat.shows("! Port")
            url = seat.shows("opening your browser").split()[2]
            assert seat.opened() == url and f":{port}/" not in url
            seat.shows("kill -9 ")
            seat.shows("✓ Frames")
            seat.shows(QUESTION)
            assert httpx2.get(url).status_code == 200
            seat.press("\n")
            seat.shows("no worker was killed")
            seat.shows("The dashboard stays")
            workers = httpx2.get(f"{url.partition('/w/')[0]}/api/v1/workers").json()
            assert len(workers["killable"]) == 3
            seat.press("\x03")
            assert seat.ends() == 0
    assert embedded.status(own.folder / ".jobtrail") is None


def test_ctrl_c_in_the_middle_keeps_the_job(own: Terminal) -> None:
    with own.started("demo", "--pace", "1", "--no-kill") as started:
        started.says("✓ Script")
        started.interrupt()
        ran = started.ends()
    assert ran.code == 130 and "the job is kept" in ran.out and "Traceback" not in ran.err
    (job,) = own.ok("job", "list", "-o", "json").data
    assert job["status"] in ("QUEUED", "PENDING")


def test_over_ssh_it_says_how_to_come_here() -> None:
    there = {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 22", "DISPLAY": ":0"}
    said = dashboard.from_afar("http://127.0.0.1:8788", there) or ""
    assert said.startswith("ssh -L 8788:127.0.0.1:8788 ") and said.endswith("@10.0.0.9")
    assert dashboard.from_afar("http://127.0.0.1:8788", {"DISPLAY": ":0"}) is None


@pytest.mark.parametrize(
    ("choice", "environ", "opens"),
    [
        (None, {"DISPLAY": ":0"}, True),
        (None, {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (None, {}, False),
        (None, {"DISPLAY": ":0", "SSH_CONNECTION": "a 1 b 2"}, False),
        (None, {"DISPLAY": ":0", "CI": "true"}, False),
        (False, {"DISPLAY": ":0"}, False),
        (True, {}, True),
    ],
)
def test_a_browser_is_opened_only_where_somebody_would_see_it(
    monkeypatch: pytest.MonkeyPatch, choice: bool | None, environ: dict[str, str], *, opens: bool
) -> None:
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "platform", "linux")
    assert dashboard.wants_browser(choice=choice, environ=environ) is opens
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert dashboard.wants_browser(choice=choice, environ=environ) is (choice is True)


def test_the_pace_is_that_of_people_only_where_there_are_some() -> None:
    assert (demo.pace_of(None, alone=False), demo.pace_of(None, alone=True)) == (1.0, 0.0)
    assert (demo.pace_of(0.5, alone=True), demo.pace_of(-1, alone=False)) == (0.5, 0.0)


def test_a_picture_is_a_png_and_the_same_number_is_the_same_picture() -> None:
    picture = demo_frames.frame(12)
    assert demo_art.size_of(picture) == (demo_frames.WIDTH, demo_frames.HEIGHT)
    assert demo_frames.frame(12) == picture != demo_frames.frame(11)
    spoiled = bytearray(picture)
    spoiled[-20] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        demo_art.size_of(bytes(spoiled))


def test_an_animation_plays_its_pictures_and_shows_the_first_where_nothing_can_play() -> None:
    pictures = [demo_art.png([bytes([n]) * 9] * 2) for n in (10, 20, 30)]
    parts = list(demo_art.chunks(demo_art.animated(pictures, 900)))
    assert [name for name, _ in parts] == [
        b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"fcTL", b"fdAT", b"IEND",
    ]  # fmt: skip
    bodies = dict(parts)
    assert struct.unpack(">II", bodies[b"acTL"]) == (3, 0)
    numbered = [body for name, body in parts if name in (b"fcTL", b"fdAT")]
    assert [struct.unpack(">I", body[:4])[0] for body in numbered] == [0, 1, 2, 3, 4]
    assert zlib.decompress(bodies[b"IDAT"]) == (b"\x00" + bytes([10]) * 9) * 2


def test_a_shape_covers_what_is_inside_it_and_half_of_what_its_edge_cuts() -> None:
    canvas = demo_art.Canvas(6, 3)
    canvas.bar(1.5, 0, 3, 2, (200, 100, 0))
    rows = [row[::3] for row in canvas.rows()]
    assert rows == [bytes([0, 100, 200, 200, 100, 0])] * 2 + [bytes(6)]
    canvas.bar(0, 2, 6, 1, (100, 0, 0), opacity=0.5)
    assert list(canvas.rows())[2][::3] == bytes([50] * 6)


def test_what_is_spoken_is_sound_and_parts_can_be_joined() -> None:
    parts = [demo_voice.spoken(text) for text in demo_story.VOICE]
    whole = demo_voice.joined(parts)
    assert demo_voice.spoken(demo_story.VOICE[0]) == parts[0]
    assert demo_voice.seconds_of(whole) > sum(demo_voice.seconds_of(part) for part in parts) > 5
    with wave.open(io.BytesIO(whole)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, demo_voice.RATE)
        assert len(set(sound.readframes(sound.getnframes()))) > 100


def test_what_the_offline_model_would_cost_is_marked_as_a_price_of_the_demo() -> None:
    call = demo_story.written("x" * 400, demo_story.SCRIPT["idea"]).call
    assert (call.provider, call.price_source) == ("demo", "demo")
    assert call.cost_usd == call.input_tokens * Decimal("0.000003") + call.output_tokens * Decimal("0.000015") > 0
    assert " ".join(demo_story.streamed(demo_story.SCRIPT["idea"])) == demo_story.SCRIPT["idea"]
