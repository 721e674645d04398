"""What is hidden where something is shown, and what is not."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from crucible_runtime import secrets
from crucible_runtime.interface.stages import RunConfig
from crucible_runtime.ir import BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.pipeline import record
from crucible_runtime.rundir.folder import Folder
from crucible_runtime.secrets import HIDDEN, disclose, hidden, scrub


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_public", set())
    monkeypatch.setattr(secrets, "_concealed", set())
    yield


def experiment(**training: str) -> Experiment:
    config = TrainingConfig(
        id="r",
        model_ref=ModelRef(id="base/model"),
        dataset_ref=DatasetRef(name="d"),
        options={"target": "ollama", **training},
    )
    return Experiment(id="r", backend=BackendRef(id="tinker"), pipeline=[StageDef(name="s")], training_config=config)


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "OPENAI_API_KEY", "OPENAI_APIKEY", "PGPASSWORD", "MYSQL_PWD", "CLIENT_SECRET", "API_KEY_2"),
        *("AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "db_password", "COOKIE", "SMTP_PASS", "GOOGLE_CREDENTIALS"),
    ],
)
def test_the_name_of_a_variable_says_that_it_is_secret(name: str) -> None:
    assert scrub("it is s3cr3t-Value now", {name: "s3cr3t-Value"}) == "it is *** now"


@pytest.mark.parametrize("name", ["PWD", "OLDPWD", "KEYBOARD", "SSH_AUTH_SOCK", "GIT_ASKPASS", "MAX_TOKENS", "COMPASS"])
def test_other_names_do_not(name: str) -> None:
    assert scrub("it is s3cr3t-Value now", {name: "s3cr3t-Value"}) == "it is s3cr3t-Value now"


SECRET = 'p@ss/w\\or"d %<é>'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote(SECRET, safe="").lower(),
        urllib.parse.quote_plus(SECRET),
        base64.b64encode(f"someone:{SECRET}".encode()).decode(),
        base64.b64encode(f":{SECRET}".encode()).decode(),
        base64.b64encode(f"{SECRET}:".encode()).decode(),
        "Authorization: Basic " + base64.b64encode(f"whoever:{SECRET}".encode()).decode(),
        repr(SECRET),
    ],
)
def test_a_secret_is_found_as_programs_write_it(form: str) -> None:
    shown = scrub(f"with {form} here", {"PGPASSWORD": SECRET, "PGUSER": "someone"})
    assert HIDDEN in shown
    assert form not in shown
    assert "w\\or" not in shown and "w%5Cor" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://token@host/x", "https://***@host/x"),
        ("https://u:p@ss@h/x", "https://***@h/x"),
        ("postgresql+psycopg://u:p@h:5432/db", "postgresql+psycopg://***@h:5432/db"),
        ("https://h/x?token=abc&a=b", "https://h/x?token=***&a=b"),
        ("https://h/x?a=b&api_key=abc", "https://h/x?a=b&api_key=***"),
        ("https://h/x?X-Amz-Signature=ab%2Fc#frag", "https://h/x?X-Amz-Signature=***#frag"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("https://a.b/c@d", "https://a.b/c@d"),
        ("https://h/x?a=b&page=2", "https://h/x?a=b&page=2"),
        ("sort_key=epochs", "sort_key=epochs"),
        ("a basic understanding of Basic Principles", "a basic understanding of Basic Principles"),
        ("'authorization': 'Bearer abcdefghij'", "'authorization': 'Bearer ***'"),
        ("postgres://u:a/b@h:5/x", "postgres://***@h:5/x"),
        ("postgres://u:a#b?c@h/x", "postgres://***@h/x"),
        ("https://h:443/@scope/p@1", "https://h:443/@scope/p@1"),
        ("https://h:443?mail=a@b.c", "https://h:443?mail=a@b.c"),
        ("see https://a.b: write to c@d", "see https://a.b: write to c@d"),
        ("X-Api-Key: abc123", "X-Api-Key: ***"),
        ("{'x-goog-api-key': 'abc123'}", "{'x-goog-api-key': '***'}"),
        ("private-token: glpat-abc", "private-token: ***"),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: ***"),
        ("a cookie: it is sweet, and has an api key", "a cookie: it is sweet, and has an api key"),
        ("max-tokens: 123456", "max-tokens: 123456"),
    ],
)
def test_an_address_tells_nobody_who_asks(text: str, expected: str) -> None:
    assert scrub(text, {}) == expected


@pytest.mark.parametrize(
    "address", ["https://tok3n-abc@host/x", "https://u:tok3n-abc@host", "https://h?token=tok3n-abc"]
)
def test_what_an_address_of_the_environment_says_is_hidden_alone_too(address: str) -> None:
    assert scrub("refused: tok3n-abc", {"MLFLOW_TRACKING_URI": address}) == "refused: ***"
    basic = base64.b64encode(b"u:tok3n-abc").decode()
    if "u:" in address:
        assert scrub(f"refused: {basic}", {"MLFLOW_TRACKING_URI": address}) == "refused: ***"


def test_what_a_recipe_contains_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ollama")
    monkeypatch.setenv("SORT_KEY", "epochs")
    assert scrub("ollama for 3 epochs") == "*** for 3 ***"
    disclose(experiment())
    assert scrub("ollama for 3 epochs") == "ollama for 3 epochs"


def test_what_a_run_is_configured_with_may_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
    given = {"options": {"note": "hf_abcdef"}}
    config = RunConfig(base_url="https://urltoken@host", training_config=given)
    disclose(experiment(note="hf_abcdef"), supplied=config)
    assert scrub("hf_abcdef, urltoken") == "***, ***"


def test_a_word_is_found_as_a_word() -> None:
    environment = {"SORT_KEY": "epochs"}
    assert scrub("num_epochs of epochs", environment) == "num_epochs of ***"


def test_keys_and_structure_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORT_KEY", "epochs")
    value = {"epochs": 3, "text": "3 epochs", "list": [{"epochs": "epochs"}]}
    assert hidden(value) == {"epochs": 3, "text": "3 ***", "list": [{"epochs": "***"}]}


def test_a_field_of_a_record_says_that_its_value_is_secret() -> None:
    assert hidden({"api_key": "abc", "headers": {"Authorization": "abc"}, "max_tokens": 3, "key": "k"}) == {
        "api_key": HIDDEN,
        "headers": {"Authorization": HIDDEN},
        "max_tokens": 3,
        "key": "k",
    }


def test_a_file_that_is_executed_stays_and_a_record_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abcdef")
    with Folder.open(tmp_path / "run", name="r", resume=False) as folder:
        folder.write_exact("deploy.sh", "ollama sk-abcdef")
        folder.write("server.log", "ollama sk-abcdef")
        folder.write_json("record.json", {"sk-abcdef": "sk-abcdef"})
        folder.metric({"stage": "s", "step": 1, "sk-abcdef": 2.0})
    at = tmp_path / "run"
    assert (at / "deploy.sh").read_text() == "ollama sk-abcdef"
    assert (at / "server.log").read_text() == "ollama ***"
    assert json.loads((at / "record.json").read_text()) == {"sk-abcdef": "***"}
    assert json.loads((at / "metrics.jsonl").read_text())["sk-abcdef"] == 2.0


def test_the_record_of_an_experiment_keeps_its_keys_and_hides_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORT_KEY", "epochs")
    made, config = experiment(), RunConfig(base_url="https://tok3n@host")
    disclose(made, supplied=config)
    text = record.recorded(made, config)
    assert json.loads(text)["training_config"]["epochs"] == 1
    stage = StageDef(name="s", options={"base_url": "https://tok3n@host"})
    text = record.recorded(Experiment(id="r", backend=BackendRef(id="b"), pipeline=[stage]), config)
    assert "tok3n" not in text
