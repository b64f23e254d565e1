"""A voice with the standard library alone: a few vowels, hissed consonants and a falling tone, as a WAV file. No speech is
understood by it, and none is meant to be: it is a stand-in for a model that would speak."""

from __future__ import annotations

import io
import re
import wave
from array import array
from collections.abc import Iterator
from math import pi, sin
from random import Random
from typing import Final

RATE: Final = 16_000
_LOUD: Final = 9_000
_FORMANTS: Final = {
    "a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010),
    "o": (570, 840, 2410), "u": (300, 870, 2240), "y": (390, 1990, 2550),
}  # fmt: skip
"""Where each vowel sounds strongest, in Hz."""

_BANDS: Final = ((1.0, 110), (0.55, 150), (0.2, 220))
_PARTS: Final = re.compile(r"[aeiouy]+|[^aeiouy\W]+|[.,;:]", re.IGNORECASE)


def spoken(text: str) -> bytes:
    """A text as a WAV file of one channel. The same text is the same file."""
    samples = array("h")
    for sentence in re.split(r"(?<=\.)\s+", text.strip()):
        for part in _sentence(sentence):
            samples.extend(part)
    return as_wave(samples)


def joined(parts: list[bytes]) -> bytes:
    """WAV files of `spoken` one after the other."""
    samples = array("h")
    for part in parts:
        with wave.open(io.BytesIO(part)) as file:
            samples.frombytes(file.readframes(file.getnframes()))
        samples.extend(_silence(0.35))
    return as_wave(samples)


def seconds_of(sound: bytes) -> float:
    """How long a WAV file plays. Raises wave.Error for what is none."""
    with wave.open(io.BytesIO(sound)) as file:
        return float(file.getnframes() / file.getframerate())


def as_wave(samples: array[int]) -> bytes:
    """Samples of 16 bits as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def _sentence(text: str) -> Iterator[array[int]]:
    parts: list[str] = _PARTS.findall(text)
    dice = Random(text)  # noqa: S311  the same text must sound the same
    for at, part in enumerate(parts):
        pitch = 128 - 34 * at / max(len(parts), 1) + dice.uniform(-5, 5)
        if not part[0].isalpha():
            yield _silence(0.28 if part == "." else 0.12)
        elif part[0].lower() in _FORMANTS:
            yield _vowel(part[0].lower(), pitch, 0.085 + 0.03 * min(len(part) - 1, 2))
        else:
            yield _consonant(part, dice)


def _vowel(letter: str, pitch: float, seconds: float) -> array[int]:
    """One period of the voice, again and again, swelling and fading."""
    length = round(RATE / pitch)
    period = [0.0] * length
    for harmonic in range(1, int(3_600 / pitch)):
        at = harmonic * pitch
        loud = sum(gain / (1 + ((at - middle) / width) ** 2)
                   for (gain, width), middle in zip(_BANDS, _FORMANTS[letter], strict=True))  # fmt: skip
        turn = 2 * pi * harmonic / length
        period = [value + loud * sin(turn * n) for n, value in enumerate(period)]
    top = max(abs(value) for value in period)
    times = max(round(seconds * pitch), 3)
    found = array("h")
    for n in range(times):
        loud = _LOUD / top * min(1.0, (n + 1) / 2, (times - n) / 2)
        found.extend(int(value * loud) for value in period)
    return found


def _consonant(letters: str, dice: Random) -> array[int]:
    """A hiss for s and its like, a soft breath for the others."""
    sharp = any(letter in "szfchtkx" for letter in letters.lower())
    count = round(RATE * (0.05 if sharp else 0.03))
    found, before = array("h"), 0.0
    for n in range(count):
        value = dice.uniform(-1, 1) * min(1.0, n / 80, (count - n) / 80) * (1_800 if sharp else 700)
        found.append(int(value - before * 0.6 if sharp else value * 0.4 + before * 0.6))
        before = value
    return found


def _silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * round(RATE * seconds)))
