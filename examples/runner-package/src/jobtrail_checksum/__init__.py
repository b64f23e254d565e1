"""Runs jobs of type `checksum.verify`: are the files of a folder still those of its list? The worker finds it by its
entry point, which pyproject.toml names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec

import jobtrail as jt
from jobtrail_checksum import manifest
from jobtrail_checksum.manifest import BadManifestError, Entry, Seen

FILES_A_STEP = 100


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a job wants. People see these sentences in `jobtrail type show`, programs in the OpenAPI document."""

    folder: Annotated[str, msgspec.Meta(description="The folder, as the worker sees it.", min_length=1)]
    manifest: Annotated[str, msgspec.Meta(description="The list in it, as `sha256sum` writes it.")] = "SHA256SUMS"


class ChecksumRunner:
    """The runner."""

    type = "checksum.verify"
    description = "Holds the files of a folder against a list of their SHA-256."

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input."""
        return msgspec.json.schema(Input)

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field: without the machine, at the door."""
        try:
            msgspec.convert(input, Input)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$")
            return {f"input{path.rstrip('`')}": what}
        return {}

    async def check(self, context: jt.Context) -> Mapping[str, str]:
        """What is wrong with it on this machine: before the job takes a slot."""
        return await asyncio.to_thread(_missing, msgspec.convert(context.input, Input))

    async def run(self, context: jt.Context) -> jt.Outcome:
        """One attempt, to its end. What other exceptions there are become a failure with their name."""
        wanted = msgspec.convert(context.input, Input)
        if wrong := await asyncio.to_thread(_missing, wanted):  # the world may have changed since the check
            return jt.Fail("not_there", "; ".join(wrong.values()), final=True)
        folder = Path(wanted.folder)
        try:
            async with context.phase("SETUP"):
                entries = await context.step("read the list", _entries, folder, wanted.manifest)
            seen = await _look_at_all(context, folder, entries)
        except BadManifestError as error:
            return jt.Fail("bad_manifest", str(error), final=True)
        except _StoppedError:
            return jt.Stopped()
        return await _told(context, seen)


class _StoppedError(Exception):
    """The attempt was told to stop."""


def _missing(wanted: Input) -> dict[str, str]:
    folder = Path(wanted.folder)
    if not folder.is_dir():
        return {"input.folder": f"there is no folder {wanted.folder} on this machine"}
    if not (folder / wanted.manifest).is_file():
        return {"input.manifest": f"there is no file {wanted.manifest} in {wanted.folder}"}
    return {}


def _entries(folder: Path, name: str) -> list[Entry]:
    return manifest.read(folder, name)


async def _look_at_all(context: jt.Context, folder: Path, entries: list[Entry]) -> list[Seen]:
    """Some files a step: a later attempt goes on after the last step that was finished."""
    seen: list[Seen] = []

    def look_at(some: list[Entry]) -> list[Seen]:
        found = []
        for entry in some:
            one = manifest.look(folder, entry, lambda: context.cancelled)
            if one is None:
                raise _StoppedError
            found.append(one)
        return found

    for at in range(0, len(entries), FILES_A_STEP):
        seen += await context.step("hash files", look_at, entries[at : at + FILES_A_STEP])
        context.progress(100 * len(seen) / len(entries), "hashing")
    return seen


async def _told(context: jt.Context, seen: list[Seen]) -> jt.Outcome:
    """How it ended, which only what was seen decides; the report has every file."""
    wrong = [one for one in seen if one.state != "ok"]
    report = json.dumps([asdict(one) for one in seen], indent=1).encode()
    await context.asset("report.json", report, role="report", media_type="application/json")
    output = {
        "files": len(seen),
        "bytes": sum(one.byte_size for one in seen),
        "wrong": {one.name: one.state for one in wrong[:100]},
    }
    if wrong:
        first = ", ".join(f"{one.name} is {one.state}" for one in wrong[:3])
        message = f"{len(wrong)} of {len(seen)} files are not as the list says: {first}; report.json has all"
        return jt.Fail("checksum_mismatch", message, final=True, output=output)
    return jt.Done(output, summary=f"{len(seen)} files are as the list says")
