"""`jobtrail completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

from typing import Annotated, Literal

from jobtrail.cli import tree
from jobtrail.cli.flags import Plain
from jobtrail.cli.telling import notice

_WHERE = {
    "bash": "jobtrail completion bash > ~/.local/share/bash-completion/completions/jobtrail",
    "zsh": 'jobtrail completion zsh > "${fpath[1]}/_jobtrail"',
    "fish": "jobtrail completion fish > ~/.config/fish/completions/jobtrail.fish",
}


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Plain], /) -> int:
    """Print the completion script of a shell.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    print(tree.tree().generate_completion(prog_name="jobtrail", shell=shell))
    notice(f"use it: {_WHERE[shell]}")
    return 0
