"""`jobtrail file list` and `get`: files that jobs took in or made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import place, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Dash, Flags, Plain, Ref, Switch
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.client import JobsClient
from jobtrail.client.remote import RemoteClient
from jobtrail.core.config import Config
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.ids import short
from jobtrail.core.model import Asset
from jobtrail.store.files.local import LocalFiles


def files(job: Ref = "@last", /, *, flags: Flags = NO_FLAGS) -> int:
    """The files of a job, in the order of their making.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    """
    with place.client(flags) as client:
        found = client.assets(refs.job_id(client, job))
    show.rows(
        found,
        [
            show.id_column(lambda a: a.id, "FILE"),
            show.Column("NAME", lambda a: a.name),
            show.Column("SIZE", lambda a: a.byte_size, lambda a: words.size(a.byte_size), right=True),
            show.Column("ROLE", lambda a: a.role, rank=2),
            show.Column("TYPE", lambda a: a.media_type, rank=3),
            show.time_column("MADE", lambda a: a.created_at, rank=4),
            show.Column("SHA-256", lambda a: a.sha256, lambda a: a.sha256[:12], rank=5),
        ],
        flags,
        empty="this job has no files",
    )
    return 0


def get(
    job: Ref,
    name: Annotated[str, Plain],
    /,
    *,
    to: Annotated[Path | None, Dash] = None,
    force: Annotated[bool, Parameter(alias="-f", negative=())] = False,
    path: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Copy a file of a job to here; the newest, when several have the name.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    name
        The name of the file, or four or more digits of its id.
    to
        Where to: a file or a folder; - is stdout. Default: its name, here.
    force
        Replace a file that is there.
    path
        Only print where its bytes lie in the storage; that file must not be changed.
    """
    config = place.configured(flags)
    with place.reached(config, flags) as client:
        asset = _meant(client.assets(refs.job_id(client, job)), name)
        if path:
            print(_stored(client, config, asset))
            return 0
        if to is not None and str(to) == "-":
            with _content(client, config, asset) as pieces:
                sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return 0
        target = _target(asset, to)
        if target.exists() and not force:
            raise with_fix(
                Conflict(f"{target} is there already"), "name another place with --to, or replace it with --force"
            )
        with _content(client, config, asset) as pieces:
            _write(target, pieces)
    show.thing({"asset": asset, "path": target}, lambda: [("path", target)], flags)
    notice(f"{words.size(asset.byte_size)}, SHA-256 {asset.sha256}")
    return 0


@contextmanager
def _content(client: JobsClient, config: Config, asset: Asset) -> Iterator[Iterator[bytes]]:
    """The bytes of a file: of the server, or of the storage here. Raises NotFound."""
    if isinstance(client, RemoteClient):
        with client.content(asset.id) as pieces:
            yield pieces
    else:
        yield LocalFiles(config.assets).read(asset.storage_key)


def _stored(client: JobsClient, config: Config, asset: Asset) -> Path:
    """Where the bytes lie. Raises NotFound, Usage."""
    if isinstance(client, RemoteClient):
        raise Usage("--path goes with a database; the files of a server lie where it runs")
    return LocalFiles(config.assets).path(asset.storage_key)


def _write(target: Path, pieces: Iterator[bytes]) -> None:
    """Writes all or nothing: what is cut off leaves no file under the name. Raises Invalid."""
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
        draft.replace(target)
    except OSError as error:
        raise Invalid(f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _meant(found: list[Asset], name: str) -> Asset:
    named = [asset for asset in found if asset.name == name]
    if named:
        return named[-1]
    by_id = {asset.id: asset for asset in found}
    if (asset_id := refs.one_of(list(by_id), name)) is not None:
        return by_id[asset_id]
    there = ", ".join(dict.fromkeys(asset.name for asset in found)) or "none"
    raise NotFound(f"the job has no file {name!r}; it has {there}")


def _target(asset: Asset, to: Path | None) -> Path:
    """Where the copy goes. A name that a job gave decides the name of the copy only, never its folder."""
    own = Path(asset.name.replace("\\", "/")).name
    if own in ("", ".", ".."):
        own = short(asset.id)
    if to is None:
        return Path(own)
    return to / own if to.is_dir() else to
