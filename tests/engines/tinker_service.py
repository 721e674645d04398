"""A Tinker service of this machine: it speaks the protocol of the real one, trains nothing, and notes what it is asked.

`serve` gives it in a block. `asked` are the requests in order, each a mapping with the page it is `to`; what comes as protobuf
is noted by what tests look at. Answers are right and wrong in turn, so that the rewards of a group differ.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from tinker.proto import tinker_public_pb2 as pb

KEY = "tml-of-a-test-0123456789"
NLL = 2.0
"""Minus the log-probability of every token."""


class Service:
    """What the service knows: the requests so far, and the answers that wait to be fetched."""

    def __init__(self, encode: Callable[[str], list[int]], key: str = KEY) -> None:
        self.asked: list[dict[str, Any]] = []
        self.key = key
        self.says = ["It is \\boxed{1}. Final Answer: en", "It is \\boxed{0}."]
        self.failing: dict[str, tuple[int, int]] = {}
        self.finite: int | None = None
        """After so many passes every log-probability is NaN; None for never."""
        self._encode = encode
        self._waiting: dict[str, Any] = {}
        self._turn = 0
        self._lock = threading.Lock()

    def of(self, path: str) -> list[dict[str, Any]]:
        return [request for request in self.asked if request["to"] == path]

    def fails(self, path: str) -> bool:
        """Whether the next request to `path` is refused: after so many, `failing` says, with which status."""
        return path in self.failing and len(self.of(path)) >= self.failing[path][0]

    def answer(self, path: str, body: bytes) -> bytes | dict[str, Any]:
        request = _forward_backward(body) if path == "forward_backward" else json.loads(body or b"{}")
        with self._lock:
            if path not in ("retrieve_future", "telemetry", "session_heartbeat"):
                self.asked.append(
                    {"to": path, **{name: value for name, value in request.items() if name != "_lengths"}}
                )
            return getattr(self, f"_{path.replace('/', '_')}", self._nothing)(request)

    def _nothing(self, request: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _client_config(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"use_pyqwest_transport": False}

    def _create_session(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"session_id": "session", "type": "create_session"}

    def _telemetry(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"status": "accepted"}

    def _create_sampling_session(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"sampling_session_id": f"sampler-{request['sampling_session_seq_id']}"}

    def _weights_info(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"base_model": "Qwen/Qwen3.5-9B-Base", "is_lora": True, "lora_rank": 32}

    def _get_info(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self.of("create_model")[-1]["base_model"] if self.of("create_model") else "Qwen/Qwen3.5-9B-Base"
        data = {"arch": "test", "model_name": model}
        return {"model_data": data, "model_id": "model", "is_lora": True, "lora_rank": 32, "model_name": model}

    def _create_model(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._later({"model_id": "model", "type": "create_model"})

    def _load_weights(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._later({"type": "load_weights", "path": request["path"]})

    def _save_weights(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._later({"type": "save_weights", "path": f"tinker://run/weights/{request['path']}"})

    def _save_weights_for_sampler(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = {"type": "save_weights_for_sampler"}
        if request.get("path"):
            return self._later({**kind, "path": f"tinker://run/sampler_weights/{request['path']}"})
        return self._later({**kind, "sampling_session_id": f"sampler-{request['sampling_session_seq_id']}"})

    def _optim_step(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._later({"metrics": {}})

    def _forward_backward(self, request: dict[str, Any]) -> dict[str, Any]:
        lengths = request["_lengths"]
        output = pb.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord", metrics={"loss:sum": self._nll()})
        field = output.loss_fn_outputs.add(num_datums=len(lengths)).fields["logprobs"]
        field.dtype = pb.DTYPE_FLOAT32
        field.data = np.full(sum(lengths), -self._nll(), np.float32).tobytes()
        field.offsets = (np.cumsum([0, *lengths]).astype(np.int64) * 4).tobytes()
        return self._later(output.SerializeToString())

    def _nll(self) -> float:
        return NLL if self.finite is None or len(self.of("forward_backward")) <= self.finite else math.nan

    def _asample(self, request: dict[str, Any]) -> dict[str, Any]:
        response = pb.SampleResponse()
        count = request.get("num_samples", 1)
        stops = request["sampling_params"].get("stop") or []
        if request.get("prompt_logprobs"):
            length = sum(len(chunk["tokens"]) for chunk in request["prompt"]["chunks"])
            response.prompt_logprobs = np.array([np.nan, *[-NLL] * (length - 1)], np.float32).tobytes()
        for _ in range(count):
            self._turn += 1
            tokens = self._encode(self.says[self._turn % len(self.says)])
            if stops:
                tokens += self._encode(stops[0]) if isinstance(stops[0], str) else [stops[0]]
            response.sequences.add(
                stop_reason=pb.STOP_REASON_STOP,
                tokens=np.array(tokens, np.int32).tobytes(),
                logprobs=np.full(len(tokens), -NLL, np.float32).tobytes(),
            )
        ids = [f"sequence-{self._turn}-{number}" for number in range(count)]
        return {**self._later(response.SerializeToString()), "sample_sequence_ids": ids}

    def _later(self, answer: Any) -> dict[str, Any]:
        number = f"request-{len(self.asked)}"
        self._waiting[number] = answer
        return {"request_id": number}

    def _retrieve_future(self, request: dict[str, Any]) -> Any:
        return self._waiting[request["request_id"]]


def _forward_backward(body: bytes) -> dict[str, Any]:
    message = pb.ForwardBackwardRequest()
    message.ParseFromString(body)
    inputs = [
        {name: np.frombuffer(t.dense, _DTYPES[t.dtype]).tolist() for name, t in datum.loss_fn_inputs.items()}
        for datum in message.data
    ]
    return {
        "loss_fn": message.loss_fn,
        "loss_fn_config": {k: v.number for k, v in message.loss_fn_config_v2.items()},
        "forward_only": message.forward_only,
        "inputs": inputs,
        "_lengths": [len(each["target_tokens"]) for each in inputs],
    }


_DTYPES = {pb.DTYPE_FLOAT32: np.float32, pb.DTYPE_INT64: np.int64, pb.DTYPE_INT32: np.int32}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def do_GET(self) -> None:
        path = self.path.removeprefix("/api/v1/")
        sampler = {"sampler_id": path.removeprefix("samplers/"), "base_model": "Qwen/Qwen3.5-9B-Base"}
        self._send(200, sampler if path.startswith("samplers/") else {"status": "ok"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = self.path.partition("?")[0].removeprefix("/api/v1/")
        if self.headers.get("X-API-Key") != self.service.key:
            self._send(401, {"detail": "no such key"})
        elif self.service.fails(path):
            self._send(self.service.failing[path][1], {"detail": f"no {path} today"})
        else:
            self._send(200, self.service.answer(path, body))

    def _send(self, status: int, answer: bytes | dict[str, Any]) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/x-protobuf" if isinstance(answer, bytes) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def serve(service: Service) -> Iterator[str]:
    """The address of the service, while the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": service}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
