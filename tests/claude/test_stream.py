"""Reading what the program prints: whatever the bytes are, nothing is raised, nothing is lost, and money stays exact."""

from __future__ import annotations

import json
from decimal import Decimal

from claude.fake_claude import RECORDINGS
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.status import LogLevel
from jobtrail.runners.claude.facts import (
    ApiRetry,
    Init,
    Limited,
    NotJson,
    Result,
    Said,
    Spent,
    ToolCalled,
    ToolEnded,
    Unknown,
)
from jobtrail.runners.claude.ledger import Seen, calls_of
from jobtrail.runners.claude.progress import Progress
from jobtrail.runners.claude.stream import Line, Splitter, read
from jobtrail.runners.claude.told import PART_CHARACTERS, lines_of, show

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
types = st.sampled_from(["system", "assistant", "user", "result", "rate_limit_event", "stream_event", "", 7])
keys = st.sampled_from(
    [
        "subtype",
        "message",
        "is_error",
        "result",
        "errors",
        "modelUsage",
        "total_cost_usd",
        "permission_denials",
        "rate_limit_info",
        "content",
        "session_id",
        "attempt",
        "error_status",
        "tools",
        "mcp_servers",
        "num_turns",
        "api_error_status",
    ]
)
odd_lines = st.builds(lambda type, rest: {"type": type, **rest}, types, st.dictionaries(keys, json_values, max_size=6))


def one(line: object) -> object:
    (fact,) = read(line if isinstance(line, bytes) else json.dumps(line).encode())
    return fact


@given(st.binary(max_size=200))
def test_no_bytes_are_a_reason_to_fail(raw: bytes) -> None:
    facts = read(raw)
    assert facts
    assert list(lines_of(Line(raw), facts, str))


@given(odd_lines)
def test_no_json_is_a_reason_to_fail(line: dict[str, object]) -> None:
    raw = json.dumps(line).encode()
    facts = read(raw)
    assert facts and all(isinstance(show(fact), str) for fact in facts)
    progress = Progress(5)
    for fact in facts:
        progress.see(fact)
    assert progress.percent is None or 0 <= progress.percent < 100


@given(st.lists(st.text(alphabet="ab\r ", min_size=0, max_size=9), max_size=9), st.data())
def test_lines_do_not_depend_on_the_chunks(texts: list[str], data: st.DataObject) -> None:
    whole = "\n".join(texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    splitter = Splitter()
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += splitter.feed(whole[start:stop])
    found += splitter.flush()
    assert [line.raw for line in found] == [t.rstrip("\r").encode() for t in texts if t.strip()]


def test_a_line_beyond_the_limit_loses_its_end_and_says_so() -> None:
    splitter = Splitter(limit=10)
    first, second = splitter.feed(b"0123456789abc\nnext\n")
    assert (first, second) == (Line(b"0123456789", 3), Line(b"next"))
    (logged,) = lines_of(first, read(first.raw), str)
    assert logged.details == {"raw": "0123456789", "cut_bytes": 3}


@given(st.text(max_size=3 * PART_CHARACTERS))
def test_the_parts_of_a_long_line_put_together_are_the_line(text: str) -> None:
    raw = json.dumps({"type": "x", "text": text}).encode()
    logged = list(lines_of(Line(raw), read(raw), str))
    assert "".join(str((line.details or {})["raw"]) for line in logged).encode() == raw


def test_the_facts_of_a_recorded_call() -> None:
    lines = [read(raw) for raw in (RECORDINGS / "rec_tool.ndjson").read_bytes().splitlines()]
    init, call, answer, said, result = lines
    assert isinstance(init[0], Init) and (init[0].model, init[0].tools) == ("claude-sonnet-4-5", 24)
    assert isinstance(call[0], ToolCalled) and call[0].input["command"] == "echo hello-from-tool"
    assert isinstance(call[1], Spent) and (call[1].input, call[1].output, call[1].cached) == (105, 1, 7)
    assert answer == [ToolEnded(id=call[0].id, text="hello-from-tool")]
    assert said[0] == Said(text="All done.")
    assert isinstance(result[0], Result) and result[0].success


def test_money_is_what_the_line_says_to_the_last_digit() -> None:
    raw = b'{"type":"result","total_cost_usd":0.10000000000000000555,"modelUsage":{"m":{"costUSD":0.3}}}'
    result = one(raw)
    assert isinstance(result, Result)
    assert result.cost == Decimal("0.10000000000000000555")
    (call,) = calls_of(result, Seen())
    assert (call.model, call.cost_usd) == ("m", Decimal("0.3"))


def test_money_that_is_none_is_unknown_and_not_zero() -> None:
    for text in ("1e999999999", "-1", '"1"', "true", "null", "1e-400", "99999999999"):
        result = one(b'{"type":"result","total_cost_usd":' + text.encode() + b"}")
        assert isinstance(result, Result)
        assert result.cost is None, text


def test_an_answer_in_parts_counts_once() -> None:
    seen = Seen()
    for output in (1, 1, 20):
        seen.see(Spent(message_id="m1", model="m", input=100, output=output, cached=7))
    seen.see(Spent(message_id="m2", model="m", input=10, output=1, cached=0))
    (call,) = calls_of(None, seen)
    assert (call.input_tokens, call.output_tokens, call.cached_tokens, call.cost_usd) == (110, 21, 7, None)
    assert seen.tokens == 138


def test_both_spellings_of_a_limit_are_read() -> None:
    for info in (
        {"resetsAt": 1795327554, "rateLimitType": "five_hour"},
        {"resets_at": 1795327554, "rate_limit_type": "five_hour"},
    ):
        for line in (
            {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", **info}},
            {"type": "rate_limit_event", "status": "rejected", **info},
        ):
            fact = one(line)
            assert isinstance(fact, Limited) and fact.rejected
            assert (str(fact.resets_at), fact.kind) == ("2026-11-22 06:05:54+00:00", "five_hour")


def test_a_retry_without_an_answer_is_not_unauthorized() -> None:
    fact = one(
        {
            "type": "system",
            "subtype": "api_retry",
            "attempt": 1,
            "max_retries": 10,
            "error_status": None,
            "error": "unknown",
        }
    )
    assert isinstance(fact, ApiRetry) and not fact.unauthorized


def test_unknown_lines_are_named_and_quiet() -> None:
    fact = one({"type": "system", "subtype": "brand_new"})
    assert fact == Unknown(what="system/brand_new")
    (line,) = lines_of(Line(b"{}"), [Unknown(what="x")], str)
    assert line.level is LogLevel.DEBUG
    assert one(b"plain words") == NotJson(text="plain words")


def test_a_list_of_tasks_is_progress_by_its_numbers() -> None:
    progress = Progress()
    for number in (1, 2):
        progress.see(ToolCalled(id=f"c{number}", name="TaskCreate", input={"subject": "x"}))
        progress.see(ToolEnded(id=f"c{number}", text=f"Task #{number} created successfully: x"))
    assert progress.percent == 0
    progress.see(ToolCalled(id="u", name="TaskUpdate", input={"taskId": "1", "status": "completed"}))
    assert (progress.percent, progress.stage) == (50, "1 of 2 done")
    progress.see(ToolCalled(id="u", name="TaskUpdate", input={"taskId": "2", "status": "deleted"}))
    assert progress.percent == 99


def test_turns_are_progress_where_nothing_better_is() -> None:
    progress = Progress(4)
    for number in (1, 1, 2):
        progress.see(Spent(message_id=f"m{number}", model="m", input=1, output=1, cached=0))
    progress.see(Spent(message_id="m3", model="m", input=1, output=1, cached=0, parent="toolu_1"))
    assert (progress.percent, progress.turns, progress.stage) == (50, 2, "turn 2")
