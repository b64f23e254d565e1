"""Texts with holes, and conditions."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.errors import Invalid
from jobtrail.core.template import SoFar, evaluate, fill, parse_condition, parse_template, render

VALUES: dict[str, Any] = {
    "input": {"repo": "r.git", "n": 5, "ok": True, "no": False, "none": None, "f": 1.5, "mode": "full",
              "rows": [1, {"a": "b"}], "text": "{input.n}", "zero": 0, "empty": ""},
    "job": {"id": UUID(int=7), "day": date(2026, 1, 2)},
    "attempt": {"number": 2},
    "steps": {"checkout": {"exit_code": 0, "status": "COMPLETED"}, "unit tests": {"status": "FAILED"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain", "plain"),
        ("Check {input.repo}!", "Check r.git!"),
        ("#{attempt.number}{input.n}", "#25"),
        ("{steps.checkout.exit_code}", "0"),
        ("{steps['unit tests'].status}", "FAILED"),
        ('{steps["unit tests"].status}', "FAILED"),
        ("{input.ok} {input.no} {input.none} {input.f}", "true false null 1.5"),
        ("{input.rows}", '[1,{"a":"b"}]'),
        ("{input.rows.1.a} {input.rows.0}", "b 1"),
        ("{job.id} {job.day}", "00000000-0000-0000-0000-000000000007 2026-01-02"),
        ("{{input.n}} {{{input.n}}} }}{{", "{input.n} {5} }{"),
        ("{input.text}", "{input.n}"),  # what is put in is not read again
        ("{input.empty}|", "|"),
    ],
)
def test_holes_are_filled(text: str, filled: str) -> None:
    assert render(text, VALUES) == filled
    assert render(parse_template(text), VALUES) == filled


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{}", "a}b", "{input.n", "{ input.n }", "{input.n!r}", "{input.n:>5}", "{input.n + 1}", "{input..n}", "{.n}",
     "{input.}", "{0}", "{input[0]}", "{input[n]}", "{f()}", "{input.n}}", "{a{b}}", "{input['a']x}", "{input.é}",
     "{print $1}", "{input.n\n}", "{input.rows.-1}"],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_refused_at_the_door(text: str) -> None:
    with pytest.raises(Invalid, match="is not a path such as"):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{input.repoo}", ["no 'repoo' in input", "did you mean 'repo'", "there is: empty, f, mode"]),
        ("{inptu.repo}", ["no 'inptu' in the values", "did you mean 'input'", "there is: attempt, input, job, steps"]),
        ("{input.repo.x}", ["no 'x' in input.repo", "input.repo has no parts"]),
        ("{input.rows.2}", ["no '2' in input.rows", "there is: 0, 1"]),
        ("{input.__class__}", ["no '__class__'"]),
        ("{input.rows.append}", ["no 'append'"]),
        ("{job.id.hex}", ["no 'hex'"]),
        ("{input.keys}", ["no 'keys'"]),
    ],
)
def test_a_path_to_nothing_says_what_there_is(text: str, said: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        render(text, VALUES)
    assert all(part in caught.value.message for part in said)


def test_a_value_that_is_no_data_does_not_get_into_a_text() -> None:
    with pytest.raises(Invalid, match="a object cannot be written"):
        render("{x}", {"x": object()})


def test_a_template_says_what_it_asks_for() -> None:
    assert parse_template("{input.repo} {{x}} {steps['unit tests'].status}").paths == {
        ("input", "repo"),
        ("steps", "unit tests", "status"),
    }


def test_all_texts_in_a_structure_are_filled_each_as_one() -> None:
    run = {"run": ["git", "clone", "{input.repo}", 3, None], "env": {"{input.n}": "{input.n}"}}
    assert fill(run, VALUES | {"input": {"repo": "a b; rm -rf /", "n": 1}}) == {
        "run": ["git", "clone", "a b; rm -rf /", 3, None],
        "env": {"{input.n}": "1"},
    }


@given(st.text())
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet="{}ab.['\"]01 "))
def test_rendering_raises_nothing_else(text: str) -> None:
    try:
        render(text, {"a": {"b": "x", "a": [1]}})
    except Invalid as error:
        assert error.message


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("input.mode == 'full'", True),
        ('input.mode == "fast"', False),
        ("input.mode != 'full'", False),
        ("'full' == input.mode", True),
        ("input.ok", True),
        ("input.no", False),
        ("input.zero", False),
        ("input.empty", False),
        ("input.none", False),
        ("input.missing", False),
        ("input.missing == null", True),
        ("input.none == null", True),
        ("input.missing.deeper != 'x'", True),
        ("not input.ok", False),
        ("not not input.ok", True),
        ("input.no or input.ok and input.no", False),  # `and` binds closer
        ("(input.no or input.ok) and input.ok", True),
        ("not input.no and input.ok", True),
        ("not (input.no and input.ok)", True),
        ("not input.mode == 'fast'", True),  # `not` binds looser than `==`
        ("input.n == 5", True),
        ("input.n == 5.0", True),
        ("input.n == '5'", False),
        ("input.n == -5", False),
        ("input.ok == 1", False),
        ("input.ok == true", True),
        ("input.zero == false", False),
        ("input.rows.1.a == 'b'", True),
        ("steps.checkout.status == 'COMPLETED'", True),
        ("steps['unit tests'].status == 'FAILED'", True),
        ("steps.skipped.status == 'COMPLETED'", False),
        ("'it is \"quoted\"' == 'it is \"quoted\"'", True),
        ("  true  ", True),
        ("null", False),
        ("(input.ok) == (input.ok)", True),
        ("input.__class__ == null", True),
    ],
)
def test_conditions_are_decided(text: str, result: bool) -> None:
    assert evaluate(parse_condition(text), VALUES) is result


@pytest.mark.parametrize(
    ("text", "success", "failure", "cancelled"),
    [
        ("always()", True, True, True),
        ("success()", True, False, False),
        ("failure()", False, True, False),
        ("cancelled()", False, False, True),
        ("failure() or cancelled()", False, True, True),
        ("failure() and input.mode == 'full'", False, True, False),
        ("not success ( )", False, True, True),
    ],
)
def test_calls_ask_how_the_job_has_gone(text: str, success: bool, failure: bool, cancelled: bool) -> None:
    condition = parse_condition(text)
    assert condition.asks_outcome
    outcomes: tuple[SoFar, ...] = ("SUCCESS", "FAILURE", "CANCELLED")
    assert [evaluate(condition, VALUES, so_far=each) for each in outcomes] == [success, failure, cancelled]


def test_a_condition_says_what_it_asks_for() -> None:
    condition = parse_condition("input.mode == 'full' and not (steps['unit tests'].status or input.ok)")
    assert condition.paths == {("input", "mode"), ("steps", "unit tests", "status"), ("input", "ok")}
    assert not condition.asks_outcome


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1, the end"),
        ("input.mode = 'full'", "character 12"),
        ("input.mode ==", "character 14, the end: there should be a path"),
        ("input.mode == 'full", "character 15"),
        ("a && b", "character 3, '&& b'"),
        ("!a", "character 1"),
        ("${{ input.ok }}", "character 1"),
        ("a b", "character 3, 'b': there should be nothing more"),
        ("a == b == c", "character 8, '=='"),
        ("(a", "there should be ')'"),
        ("a)", "character 2, ')'"),
        ("and", "character 1, 'and'"),
        ("a and", "the end"),
        ("not", "the end"),
        ("eval('1')", "there should be ')'"),
        ("exit()", "there is no exit(), only always(), success()"),
        ("input.always()", "there is no input.always()"),
        ("a.b[0]", "character 4"),
        ("1.5.2", "character 1"),
        ("input.n == 5and true", "character 12"),
        ("(" * 100, "nested more than 32"),
        ("not " * 100 + "a", "nested more than 32"),
        ("a" * 1001, "may have 1000 characters"),
        ("lambda: 1", "character 7"),
    ],
)
def test_a_condition_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_condition(text)
    assert said in caught.value.message


def test_a_first_word_that_is_nothing_is_a_mistake_and_not_null() -> None:
    with pytest.raises(Invalid, match="no 'step' in the values; did you mean 'steps'"):
        evaluate(parse_condition("step.checkout.status == 'FAILED'"), VALUES)


def test_a_long_chain_is_no_deep_one() -> None:
    assert evaluate(parse_condition(" and ".join(["input.ok"] * 70)), VALUES)
    assert not evaluate(parse_condition(" or ".join(["input.no"] * 70)), VALUES)


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=4), min_size=1, max_size=4))
def test_not_binds_closer_than_and_and_and_closer_than_or(terms: list[list[tuple[bool, int]]]) -> None:
    text = " or ".join(" and ".join("not " * nots + str(term).lower() for term, nots in each) for each in terms)
    expected = any(all(term ^ (nots == 1) for term, nots in each) for each in terms)
    assert evaluate(parse_condition(text), {}) is expected
    assert evaluate(parse_condition(f"not ({text})"), {}) is not expected


@given(st.text(alphabet="ab.()='\"!notandr 01-[]", max_size=40))
def test_reading_a_condition_raises_nothing_else(text: str) -> None:
    try:
        evaluate(parse_condition(text), {"a": {"b": 1}, "b": None})
    except Invalid as error:
        assert error.message
