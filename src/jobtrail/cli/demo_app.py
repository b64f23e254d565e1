"""The job of `jobtrail demo`: a storyboard of twelve frames with a voice-over, made offline. Where a model would be asked, a
prepared one answers (demo_story); pictures and sound are real, and made here (demo_frames, demo_voice)."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

import jobtrail as jt
from jobtrail.cli import demo_art, demo_frames, demo_story, demo_voice
from jobtrail.core.status import LogSource
from jobtrail.runners.protocol import LogLine

app = jt.App()

QUEUE: Final = "demo"
TYPE: Final = "demo.storyboard"
TITLE: Final = "Make a 12-frame storyboard with voice-over"
QUESTION: Final = "Use this cover?"
FRAMES: Final = len(demo_frames.SHOTS)
HARD_FRAME: Final = 7
"""The frame that takes longest: the lightning. Whoever wants to kill a worker in the middle of something has time here."""

_HARD_SECONDS: Final = 1.2
_LINE_SECONDS: Final = 0.19
_DRAWING_SECONDS: Final = 1.45
_VOICE_SECONDS: Final = 1.3
_ANIMATION_MS: Final = 900


@dataclass(frozen=True)
class Frame:
    """A frame that was drawn: its number, what it shows, and the digest of its file."""

    number: int
    caption: str
    sha256: str


@dataclass(frozen=True)
class Voice:
    """A part of the voice-over."""

    act: int
    seconds: float
    sha256: str


@app.job(TYPE, queue=QUEUE, timeout="10m", title=TITLE, tags=("demo",))
async def storyboard(ctx: jt.Context, pace: float = 1.0) -> dict[str, float]:
    """Script, frames, voice and cover. `pace` 1: at a speed that people can follow; 0: as fast as this machine can.

    What has finished is not done again, whatever happens to the worker.
    """
    async with ctx.phase("SETUP"):
        script = ""
        for number, (name, text) in enumerate(demo_story.SCRIPT.items(), 1):
            script += await ctx.step(f"script: {name}", write, ctx, script, text, pace)
            ctx.progress(number * 3, "Script")
        await ctx.step("script: file", keep_script, ctx, script)
    frames = []
    for number in range(1, FRAMES + 1):
        frames.append(await ctx.step(f"frame {number}", draw, ctx, script, number, pace))
        ctx.progress(15 + number * 5, "Frames")
    voices = []
    for act in range(1, len(demo_story.VOICE) + 1):
        voices.append(await ctx.step(f"voice: act {act}", speak, ctx, act, pace))
        ctx.progress(75 + act * 4, "Voice")
    await ctx.step("cover: draw", draw_cover, ctx, pace)
    async with ctx.phase("VALIDATION"):
        await ctx.step("cover: check the files", check, frames, voices)
        ctx.progress(90, "Cover")
        await ctx.gate(QUESTION)
    await ctx.step("bind", bind, ctx, frames, voices, pace)
    ctx.progress(100, "Done")
    return {"frames": len(frames), "voice_seconds": round(sum(voice.seconds for voice in voices), 1)}


async def write(ctx: jt.Context, script: str, text: str, pace: float) -> str:
    """A part of the script: the model's words come into the log as it finds them."""
    return await _ask(ctx, script, text, pace) + "\n"


async def keep_script(ctx: jt.Context, script: str) -> str:
    """The script as a file."""
    parts = zip(demo_story.SCRIPT, script.splitlines(), strict=True)
    text = f"# {TITLE}\n\n" + "\n".join(f"## {name.capitalize()}\n\n{part}\n" for name, part in parts)
    await ctx.asset("script.md", text.encode(), media_type="text/markdown")
    return _digest(text.encode())


async def draw(ctx: jt.Context, script: str, number: int, pace: float) -> Frame:
    """One frame: its caption first, then the picture, which is shown at once."""
    caption = await _ask(ctx, script, demo_story.CAPTIONS[number - 1], pace)
    await asyncio.sleep(pace * _DRAWING_SECONDS)
    if number == HARD_FRAME:
        await asyncio.sleep(max(pace, 1.0) * _HARD_SECONDS)
    picture = await asyncio.to_thread(demo_frames.frame, number)
    await ctx.asset(f"frame-{number:02}.png", picture, media_type="image/png")
    return Frame(number, caption, _digest(picture))


async def speak(ctx: jt.Context, act: int, pace: float) -> Voice:
    """One part of the voice-over."""
    sound = await asyncio.to_thread(demo_voice.spoken, demo_story.VOICE[act - 1])
    await asyncio.sleep(pace * _VOICE_SECONDS)
    await ctx.asset(f"voice-{act}.wav", sound, media_type="audio/wav")
    return Voice(act, round(demo_voice.seconds_of(sound), 2), _digest(sound))


async def draw_cover(ctx: jt.Context, pace: float) -> str:
    """The cover, about which people are asked."""
    picture = await asyncio.to_thread(demo_frames.cover)
    await asyncio.sleep(pace * _DRAWING_SECONDS)
    await ctx.asset("cover.png", picture, media_type="image/png")
    return _digest(picture)


def check(frames: list[Frame], voices: list[Voice]) -> int:
    """Makes the first frame and the first act once more, and holds them against what was remembered of them."""
    picture, sound = demo_frames.frame(frames[0].number), demo_voice.spoken(demo_story.VOICE[0])
    if demo_art.size_of(picture) != (demo_frames.WIDTH, demo_frames.HEIGHT) or _digest(picture) != frames[0].sha256:
        raise ValueError("frame 1 came out differently the second time")
    if _digest(sound) != voices[0].sha256:
        raise ValueError("the voice of act 1 came out differently the second time")
    return 2


async def bind(ctx: jt.Context, frames: list[Frame], voices: list[Voice], pace: float) -> str:
    """All frames as one picture that moves, and the whole voice-over."""
    pictures = [await asyncio.to_thread(demo_frames.frame, frame.number) for frame in frames]
    sounds = [demo_voice.spoken(demo_story.VOICE[voice.act - 1]) for voice in voices]
    if [_digest(picture) for picture in pictures] != [frame.sha256 for frame in frames]:
        raise ValueError("a frame is not the one that was drawn before")
    await asyncio.sleep(pace)
    whole = demo_art.animated(pictures, _ANIMATION_MS)
    await ctx.asset("voice-over.wav", demo_voice.joined(sounds), media_type="audio/wav")
    await ctx.asset("storyboard.png", whole, media_type="image/png")
    return _digest(whole)


async def _ask(ctx: jt.Context, prompt: str, text: str, pace: float) -> str:
    """Asks the offline model: its words are lines of the log (source MODEL), its tokens a row of the ledger."""
    answer = demo_story.written(prompt, text)
    for words in demo_story.streamed(answer.text):
        await asyncio.sleep(pace * _LINE_SECONDS)
        ctx.write(LogLine(words, source=LogSource.MODEL))
    await ctx.usage(answer.call)
    return answer.text


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
