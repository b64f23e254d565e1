"""The JSON schema of a `command` job's input, for people and programs that make one: the keys of the model, said in words."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from jobtrail.runners.pipeline.model import CommandSpec, EnvReference, PipelineSpec, StepRetry, StepSpec

_REF: Final = "#/$defs/{name}"

_OF_ANY: Final = {
    "run": "The command as a list, program first; one text with `shell`.",
    "shell": "`run` is one text for /bin/sh.",
    "cwd": "Where it runs, relative to the job's folder.",
    "env": 'More variables; {"env": "NAME"} takes the worker\'s variable NAME and keeps its value out of all records.',
    "stdin": "What the command reads.",
    "timeout": "How long it may run, in seconds or as 10m.",
    "idle_timeout": "How long it may print nothing, in seconds or as 10m.",
    "artifacts": "Patterns of files to keep, also after a failure: dist/*.whl.",
}
SAID: Final[dict[type, dict[str, str]]] = {
    CommandSpec: _OF_ANY,
    PipelineSpec: {
        "title": "What people see beside the id; may hold values of `input`.",
        "env": "Variables of all steps.",
        "input": "The values that {input.NAME} stands for.",
        "steps": "The steps, in phases and in a phase as written.",
    },
    StepSpec: _OF_ANY | {
        "name": "What it is called; unique in the pipeline.",
        "phase": "SETUP, EXECUTION, VALIDATION, CLEANUP run in this order; CLEANUP always runs.",
        "type": "COMMAND; GATE: exit code 0 passes; ARTIFACT: only keeps files; AI_ACTION.",
        "if": "A condition: steps.build.status == 'COMPLETED'.",
        "retry": "How often it is tried in all.",
        "continue_on_error": "A failure does not fail the job; its result is then PARTIAL.",
        "output": "What later steps may use: the last line printed, or that line read as JSON.",
        "remember": "Once completed, a later attempt does not run it again.",
        "rerun_when_moved": "If it completed on another machine, it runs again here.",
    },
    EnvReference: {"env": "The name of the worker's variable."},
    StepRetry: {"max_attempts": "How often it is tried in all.", "delay": "The time between two tries."},
}  # fmt: skip
"""What each key is; a test wants a sentence for each."""

_EXAMPLES: Final = ({"run": ["echo", "hello"]}, {"steps": [{"name": "greet", "run": ["echo", "hello"]}]})


def command_schema() -> dict[str, Any]:
    """The schema of one command or of a pipeline. It admits a little more than is run: `validate` has the last word."""
    known = (CommandSpec, PipelineSpec, StepSpec)
    refs, definitions = msgspec.json.schema_components(known, ref_template=_REF)
    for struct, said in SAID.items():
        properties: dict[str, dict[str, Any]] = definitions[struct.__name__]["properties"]
        for key, what in said.items():
            if key in properties:
                properties[key]["description"] = what
    definitions["PipelineSpec"]["properties"]["steps"] |= {"items": refs[2], "minItems": 1}
    definitions["CommandSpec"]["title"], definitions["PipelineSpec"]["title"] = "One command", "A pipeline"
    return {"anyOf": [refs[0], refs[1]], "examples": list(_EXAMPLES), "$defs": definitions}
