"""The ports: the eight of CrucibleTrain, with its callbacks, and adapters that say that they are none."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import crucible_runtime.ports as ports_module
from crucible_runtime import Ports
from crucible_runtime.errors import PortError

ROOT = Path(__file__).parents[3]
CONTRACT = json.loads((ROOT / "contracts" / "crucible_train-0.3.0.json").read_text("utf-8"))["ports"]
# Each port's callbacks with the number of their arguments: an adapter keeps its own options, so Elixir has one more.
CALLBACKS = {
    port: {callback["name"].rstrip("?"): callback["arity"] - 1 for callback in contract["callbacks"]}
    for port, contract in CONTRACT.items()
}


def callbacks(port: str) -> dict[str, Any]:
    return {name: value for name, value in vars(ports_module.PORTS[port]).items() if not name.startswith("_")}


def test_the_ports_are_those_of_crucible_train() -> None:
    assert [field.name for field in fields(Ports)] == list(ports_module.PORTS)
    assert len(CALLBACKS) == 8
    found = {
        port: {
            name.rstrip("_"): len(inspect.signature(value).parameters) - 1 for name, value in callbacks(port).items()
        }
        for port in ports_module.PORTS
    }
    assert found == CALLBACKS


@pytest.mark.parametrize(("port", "callback"), [(port, name) for port in CALLBACKS for name in callbacks(port)])
def test_a_port_left_open_says_so(port: str, callback: str) -> None:
    adapter = getattr(Ports(), port)
    assert type(adapter).__name__.startswith("Noop")
    if callback == "close_session":
        assert adapter.close_session("session") is None
        return
    with pytest.raises(PortError, match=rf"^no adapter for the port {port}: supply one with Ports\({port}=\.\.\.\)$"):
        getattr(adapter, callback)("a", b="c")


def test_an_adapter_without_a_callback_is_refused() -> None:
    class Half:
        def chat(self, messages: Any, **options: Any) -> str:
            return "hello"

    assert Ports(llm_client=Half()).llm_client.chat([]) == "hello"
    with pytest.raises(PortError, match=r"^port embedding_client: Half lacks embed_texts$"):
        Ports(embedding_client=Half())  # type: ignore[arg-type]
