"""Carries out a rendered plan: programs are run in the run's folder, servers are waited for.

The server of the target `local` is only a trial. It is asked one question and then stopped; those of vllm and tgi go
on running after the run has ended.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_runtime.errors import AdapterMissingError, DeployError, FolderError
from crucible_runtime.installation.packages import missing, needs
from crucible_runtime.interface.stages import Context
from crucible_runtime.mlops.commands import server
from crucible_runtime.mlops.rendering import FOLDER, SCRIPT, fetched, port
from crucible_runtime.mlops.target import Plan
from crucible_runtime.secrets import scrub

LOG = f"{FOLDER}/server.log"
"""What the server and the programs that deploy print."""
QUESTION = "Say hello."
"""What a model that is served locally is asked."""
_NEEDED: Mapping[str, tuple[str, str]] = {
    "vllm": ("vllm", "pip install vllm"),
    "tgi": ("text-generation-launcher", "it comes with the image of text-generation-inference"),
    "kubernetes": ("kubectl", "see https://kubernetes.io/docs/tasks/tools"),
    "ollama": ("ollama", "see https://ollama.com/download"),
    "huggingface": ("hf", "pip install huggingface_hub"),
}
_SERVING = ("accelerate", "fastapi", "openai", "starlette", "torch", "transformers", "uvicorn")
_LINES = 15
_PAUSE = 0.2


def applied(context: Context, plan: Plan) -> dict[str, Any]:
    """Carries the plan out; what came of it. Raises DeployError, and AdapterMissingError for target local."""
    match plan.target:
        case "noop":
            return {}
        case "local":
            return _tried(context, plan)
    if lacks := lacking(plan.target):
        raise DeployError(lacks)
    if plan.target in ("vllm", "tgi"):
        return _left_running(context, plan)
    _run(context, plan)
    return {}


def lacking(target: str) -> str:
    """What this machine lacks to carry out a deployment to a target, with its remedy; empty where it lacks nothing."""
    if target == "local":
        return missing("target local", _tried)
    program, how = _NEEDED.get(target, ("", ""))
    if not program or shutil.which(program) is not None:
        return ""
    return (
        f"{program} is not on the path, and target {target} needs it: install it ({how}), or leave out "
        f"--apply and run {FOLDER}/{SCRIPT} where it is"
    )


def _run(context: Context, plan: Plan) -> None:
    """Runs the script to its end; its output goes to the log."""
    try:
        done = subprocess.run(  # noqa: S603 - a script that was just rendered
            ["/bin/sh", f"{FOLDER}/{SCRIPT}"],
            cwd=context.folder.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=plan.settings["timeout"],
        )
    except subprocess.TimeoutExpired as error:
        raise DeployError(
            f"{FOLDER}/{SCRIPT} did not end within {plan.settings['timeout']} s (options.config.timeout)"
        ) from error
    context.folder.write(LOG, done.stdout)
    if done.returncode:
        raise DeployError(f"{FOLDER}/{SCRIPT} ended with exit code {done.returncode}:\n{_last(done.stdout)}")


def _left_running(context: Context, plan: Plan) -> dict[str, Any]:
    place = port(plan)
    _free(place)
    with _started(context, ["/bin/sh", f"{FOLDER}/{SCRIPT}"], keep=True) as process:
        _healthy(context, process, place, plan.settings["timeout"])
    return {"url": f"http://127.0.0.1:{place}", "pid": process.pid, "log": LOG}


@needs("serving", *_SERVING)
def _tried(context: Context, plan: Plan) -> dict[str, Any]:
    """Serves the model on this machine, asks it one question, and stops the server."""
    if absent := missing("target local", _tried):
        raise AdapterMissingError(absent)
    if "://" in plan.model:
        raise DeployError(
            f"target local serves a model of this machine, and {plan.model} is on a server: download it with the "
            f"command in {FOLDER}/{SCRIPT}"
        )
    place = _free(plan.settings["port"])
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        *server(plan, fetched(plan), place, base=None)[1:],
    ]
    begin = time.monotonic()
    with _started(context, command, keep=False) as process:
        _healthy(context, process, place, plan.settings["timeout"])
        seconds = time.monotonic() - begin
        answer = _asked(context, process, place, fetched(plan), plan.settings["timeout"])
    prompt = [{"role": "user", "content": QUESTION}]
    context.folder.sample(
        {"stage": context.stage.name, "step": 1, "prompt": prompt, "completion": answer, "reward": None}
    )
    return {"url": f"http://127.0.0.1:{place}", "question": QUESTION, "answer": answer, "healthy_after": round(seconds)}


def _free(place: int) -> int:
    """The port, if nobody listens there; raises DeployError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", place))
        except OSError as error:
            raise DeployError(
                f"port {place} cannot be used ({error.strerror}): choose another one with options.config.port"
            ) from error
    return place


def unused_port() -> int:
    """A port of this machine that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(context: Context, command: Sequence[str], *, keep: bool) -> Iterator[subprocess.Popen[bytes]]:
    """The process in a group of its own, its output in the log; stopped at the end, unless it is kept and all is well.

    A server that is kept must not hold what the run holds: it gets no standard input, and the log as its output.
    """
    path = context.folder.path / LOG
    environment = os.environ | ({} if keep else {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"})
    try:
        with path.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the command that was rendered
                command,
                cwd=context.folder.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise FolderError(path, error) from error
    well = False
    try:
        yield process
        well = True
    finally:
        if not (keep and well):
            _stop(process)
        context.folder.write(LOG, _log(context)) if not (keep and well) else None


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait()


def _healthy(context: Context, process: subprocess.Popen[bytes], place: int, limit: int) -> None:
    """Returns as soon as the server says that it is well; raises DeployError where it ends or takes too long."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        _alive(context, process)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{place}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(_PAUSE)
    raise DeployError(
        f"the server at port {place} was not well within {limit} s (options.config.timeout):\n{_last(_log(context))}"
    )


def _asked(context: Context, process: subprocess.Popen[bytes], place: int, model: str, limit: int) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 16, "stream": False}
    request = urllib.request.Request(
        f"http://127.0.0.1:{place}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=limit) as response:  # noqa: S310 - this machine's own server
            return str(json.load(response)["choices"][0]["message"]["content"] or "")
    except (OSError, ValueError, LookupError, TypeError) as error:
        _alive(context, process)
        raise DeployError(f"the server did not answer a chat completion ({error}):\n{_last(_log(context))}") from error


def _alive(context: Context, process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise DeployError(f"the server ended with exit code {process.returncode}:\n{_last(_log(context))}")


def _log(context: Context) -> str:
    path: Path = context.folder.path / LOG
    return path.read_text("utf-8", errors="replace")


def _last(text: str) -> str:
    """The last lines of a log, or a word where there are none."""
    lines = [line for line in scrub(text).splitlines() if line.strip()]
    return "\n".join(lines[-_LINES:]) or "it printed nothing"
