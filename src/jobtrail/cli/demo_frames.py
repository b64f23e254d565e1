"""The twelve frames of the demo's storyboard and its cover, drawn from numbers: the same number is the same picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, sin
from random import Random
from typing import Final

from jobtrail.cli.demo_art import Canvas, Color, Point, png

WIDTH: Final = 640
HEIGHT: Final = 360
_HORIZON: Final = 226
_ROCK: Final = (470.0, 232.0)
_BAR: Final = 26
_BLACK: Final = (10, 11, 14)
_LAMP: Final = (255, 224, 140)
_FOAM: Final = (205, 220, 228)


@dataclass(frozen=True, slots=True)
class Shot:
    """What is to be seen: the colours of sky and sea, the weather from 0 to 1, where the light points (radians; None: out),
    and where the boat is (None: nowhere)."""

    sky: tuple[Color, Color]
    sea: tuple[Color, Color]
    clouds: float = 0.0
    rain: float = 0.0
    waves: float = 0.1
    stars: float = 0.0
    beam: float | None = None
    boat: tuple[float, float] | None = None
    sun: Point | None = None
    moon: Point | None = None
    bolt: bool = False


_EVENING: Final = Shot(((38, 40, 84), (232, 138, 92)), ((92, 70, 100), (24, 28, 54)), beam=pi, waves=0.12)
_NIGHT: Final = Shot(
    ((8, 12, 34), (34, 50, 92)), ((22, 36, 70), (8, 14, 32)), stars=1.0, waves=0.15, moon=(112.0, 82.0)
)
_STORM: Final = Shot(((12, 14, 22), (52, 60, 74)), ((34, 46, 60), (10, 16, 26)), clouds=1.0, waves=0.85)
_MORNING: Final = Shot(((92, 128, 176), (250, 206, 150)), ((126, 136, 158), (40, 62, 96)), waves=0.14)

SHOTS: Final = (
    replace(_EVENING, sun=(150.0, 214.0)),
    replace(_EVENING, sky=((26, 30, 70), (196, 104, 92)), beam=2.86, boat=(330.0, 0.8), sun=(150.0, 232.0)),
    replace(_NIGHT, beam=2.7, boat=(220.0, 0.9)),
    replace(_NIGHT, clouds=0.55, stars=0.5, beam=3.3, waves=0.35, boat=(176.0, 1.0)),
    replace(_STORM, clouds=0.8, beam=2.75, boat=(150.0, 1.1), waves=0.7),
    replace(_STORM, rain=0.9, beam=3.05, boat=(140.0, 1.0)),
    replace(_STORM, rain=1.0, bolt=True, boat=(150.0, 1.0), waves=1.0),
    replace(_STORM, rain=0.7, beam=3.0, boat=(176.0, 1.0)),
    replace(_STORM, rain=0.35, beam=3.16, boat=(96.0, 2.1), waves=0.75),
    replace(_NIGHT, clouds=0.5, stars=0.6, beam=2.8, waves=0.4, boat=(250.0, 1.0)),
    replace(_MORNING, sky=((64, 84, 122), (176, 170, 168)), clouds=0.3, beam=3.0, boat=(340.0, 1.0)),
    replace(_MORNING, sun=(176.0, 196.0), boat=(376.0, 0.9)),
)


def frame(number: int) -> bytes:
    """One of the twelve frames, from 1, as a PNG."""
    canvas = _scene(SHOTS[number - 1], number)
    for y in (0, HEIGHT - _BAR):
        canvas.bar(0, y, WIDTH, _BAR, _BLACK)
    for n in range(len(SHOTS)):
        color = _LAMP if n < number else (58, 62, 72)
        canvas.disc(
            (WIDTH / 2 + (n - (len(SHOTS) - 1) / 2) * 16, HEIGHT - _BAR / 2), 4.0 if n + 1 == number else 2.6, color
        )
    return png(canvas.rows())


def cover() -> bytes:
    """The cover: the light over the storm, and nothing before it."""
    shot = replace(
        _STORM, sky=((14, 18, 40), (96, 84, 96)), stars=0.4, clouds=0.6, beam=2.9, boat=(160.0, 1.4), waves=0.8
    )
    canvas = _scene(shot, 99)
    canvas.bar(0, 0, WIDTH, 6, _LAMP)
    canvas.bar(0, HEIGHT - 6, WIDTH, 6, _LAMP)
    return png(canvas.rows())


def _scene(shot: Shot, seed: int) -> Canvas:
    canvas, dice = Canvas(WIDTH, HEIGHT), Random(seed)  # noqa: S311  the same number must be the same picture
    canvas.shade(*shot.sky, 0, _HORIZON)
    _heaven(canvas, shot, dice)
    canvas.shade(*shot.sea, _HORIZON, HEIGHT)
    _glitter(canvas, shot, dice)
    if shot.beam is not None:
        _beam(canvas, shot.beam, 0.5 if shot.clouds > 0.3 or shot.stars else 0.22)
    _lighthouse(canvas, shot)
    if shot.boat is not None:
        _boat(canvas, shot.boat, shot.waves)
    _waves(canvas, shot, dice)
    if shot.bolt:
        _bolt(canvas, dice)
    for _ in range(round(260 * shot.rain)):
        x, y = dice.uniform(-20, WIDTH), dice.uniform(0, HEIGHT)
        canvas.line((x, y), (x - 6, y + 18), 1.1, (190, 205, 220), 0.34)
    return canvas


def _heaven(canvas: Canvas, shot: Shot, dice: Random) -> None:
    for _ in range(round(150 * shot.stars)):
        x, y = dice.uniform(0, WIDTH), dice.uniform(0, _HORIZON - 20)
        canvas.disc((x, y), dice.uniform(0.5, 1.3), (235, 240, 255), dice.uniform(0.3, 0.95))
    if shot.moon:
        canvas.glow(shot.moon, 62, (170, 190, 230), 0.3)
        canvas.disc(shot.moon, 21, (236, 238, 226))
        canvas.disc((shot.moon[0] - 6, shot.moon[1] - 4), 4, (214, 216, 206))
        canvas.disc((shot.moon[0] + 7, shot.moon[1] + 6), 3, (218, 220, 210))
    if shot.sun:
        canvas.glow(shot.sun, 150, (255, 196, 120), 0.45)
        canvas.disc(shot.sun, 26, (255, 226, 168))
    low = tuple((one * 2 + other) // 3 for one, other in zip(*shot.sky, strict=True))
    dark: Color = (low[0] * 3 // 4, low[1] * 3 // 4, low[2] * 3 // 4)
    for _ in range(round(16 * shot.clouds)):
        x, y, size = dice.uniform(-60, WIDTH + 60), dice.uniform(24, 130), dice.uniform(26, 58)
        for n in range(7):
            at = (x + (n - 3) * size * 0.62, y + dice.uniform(-0.2, 0.2) * size)
            canvas.disc(at, size * (1 - abs(n - 3) * 0.17), dark, 0.34)


def _glitter(canvas: Canvas, shot: Shot, dice: Random) -> None:
    """Sun or moon on the water."""
    source = shot.sun or shot.moon
    if source is None:
        return
    color = (255, 205, 140) if shot.sun else (190, 205, 235)
    for n in range(70):
        y = _HORIZON + 3 + n * 1.8
        width = dice.uniform(4, 14 + n * 0.5)
        canvas.bar(source[0] + dice.uniform(-1, 1) * (8 + n * 0.5) - width / 2, y, width, 1.4, color, 0.34)


def _beam(canvas: Canvas, angle: float, strong: float) -> None:
    x, y = _ROCK[0], _ROCK[1] - 142
    for turn, part in ((angle, 1.0), (angle + pi, 0.4)):
        for wide in (0.15, 0.1, 0.055):
            ends = [(x + cos(turn + side) * 900, y - sin(turn + side) * 900) for side in (-wide, wide)]
            canvas.polygon([(x, y), *ends], _LAMP, strong * part * 0.42)


def _lighthouse(canvas: Canvas, shot: Shot) -> None:
    x, y = _ROCK
    night = shot.stars > 0 or shot.clouds > 0.6
    white = (150, 156, 168) if night else (232, 226, 218)
    red = (120, 40, 44) if night else (186, 62, 58)
    for points in (
        [(x - 96, y + 28), (x - 70, y + 2), (x - 34, y - 14), (x + 30, y - 16), (x + 74, y), (x + 104, y + 28)],
        [(x - 60, y + 28), (x - 30, y - 22), (x + 24, y - 24), (x + 56, y + 28)],
    ):
        canvas.polygon(points, (38, 36, 42))
    canvas.polygon([(x - 21, y - 18), (x - 13, y - 126), (x + 13, y - 126), (x + 21, y - 18)], white)
    canvas.polygon([(x - 18.2, y - 56), (x - 15.6, y - 92), (x + 15.6, y - 92), (x + 18.2, y - 56)], red)
    canvas.polygon([(x + 4, y - 18), (x + 3, y - 126), (x + 13, y - 126), (x + 21, y - 18)], (20, 22, 30), 0.28)
    for height in (38, 74, 108):
        canvas.bar(x - 3, y - height - 6, 5, 8, (255, 206, 120) if shot.beam is not None and night else (44, 46, 56))
    canvas.bar(x - 19, y - 130, 38, 5, (34, 34, 40))
    canvas.bar(x - 10, y - 152, 20, 22, _LAMP if shot.beam is not None else (40, 44, 54))
    canvas.bar(x - 0.8, y - 152, 1.6, 22, (34, 34, 40))
    canvas.polygon([(x - 14, y - 152), (x, y - 167), (x + 14, y - 152)], red)
    if shot.beam is not None:
        canvas.glow((x, y - 142), 46, _LAMP, 0.75 if night else 0.35)


def _boat(canvas: Canvas, place: tuple[float, float], waves: float) -> None:
    x, size = place
    y = _HORIZON + 22 + 14 * size
    tilt = waves * 7 * size
    hull = [(x - 34 * size, y - 8 * size - tilt), (x + 34 * size, y - 8 * size + tilt),
            (x + 24 * size, y + 8 * size + tilt), (x - 26 * size, y + 8 * size - tilt)]  # fmt: skip
    canvas.line((x, y - 4 * size), (x + waves * 10, y - 62 * size), 2.2 * size, (58, 44, 40))
    mast = x + waves * 10
    canvas.polygon(
        [(mast + 2, y - 60 * size), (mast + 30 * size, y - 14 * size + tilt), (x + 3, y - 12 * size)], (226, 214, 196)
    )
    canvas.polygon(
        [(mast - 2, y - 54 * size), (x - 3, y - 12 * size), (x - 22 * size, y - 12 * size - tilt)], (204, 190, 172)
    )
    canvas.polygon(hull, (116, 58, 46))
    canvas.polygon(
        [hull[0], hull[1], (x + 32 * size, y - 4 * size + tilt), (x - 32 * size, y - 4 * size - tilt)], (206, 160, 84)
    )


def _waves(canvas: Canvas, shot: Shot, dice: Random) -> None:
    """Rows of crests, the nearer the larger, over whatever stands in the water."""
    top, bottom = shot.sea
    for row in range(7):
        near = row / 6
        y = _HORIZON + 34 + near * 104
        color: Color = tuple(round(one + (other - one) * near) for one, other in zip(top, bottom, strict=True))  # type: ignore[assignment]
        height, width = 3 + 30 * shot.waves * (0.35 + near), 60 + 70 * near
        x = -dice.uniform(0, width)
        while x < WIDTH + width:
            lift = height * dice.uniform(0.7, 1.15)
            canvas.polygon(
                [(x - width * 0.62, y + 14), (x + width * 0.08, y - lift), (x + width * 0.72, y + 14)], color, 0.75
            )
            if shot.waves > 0.5:
                crest = (x + width * 0.08, y - lift)
                canvas.line(crest, (crest[0] - width * 0.2, crest[1] + lift * 0.42), 1.6, _FOAM, 0.5)
            x += width
        canvas.bar(0, y + 12, WIDTH, 26, color, 0.75)


def _bolt(canvas: Canvas, dice: Random) -> None:
    canvas.bar(0, 0, WIDTH, HEIGHT, (210, 220, 255), 0.16)
    x, y = 400.0, 0.0
    goal = _ROCK[1] - 160
    while y < goal:
        step = min(dice.uniform(16, 34), goal - y)
        aim = (_ROCK[0] - x) * step / max(goal - y, 1)
        then = (x + aim + dice.uniform(-16, 16) * (0 if goal - y - step < 1 else 1), y + step)
        for width, opacity in ((9.0, 0.18), (4.5, 0.4), (1.8, 1.0)):
            canvas.line((x, y), then, width, (236, 240, 255), opacity)
        x, y = then
    canvas.glow((x, y), 60, (225, 232, 255), 0.8)
