"""A recipe whose stages are there, with an engine that trains nothing but behaves: checkpoints, resuming, samples.

As a program, `python -m trained DIR MOMENT`, it runs into DIR and kills itself at a moment: after so many writes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crucible_runtime import Context, Ports
from crucible_runtime.interface.stages import Options, Output
from runtime_samples import sl_basic

REGISTER = "CrucibleModelRegistry.Stages.Register"
DEPLOY = "CrucibleDeployment.Stages.Deploy"
STEPS, EVERY = 8, 3


class Trainer:
    """Takes eight steps, with a checkpoint after every third; `stop` is a step at which it fails."""

    def __init__(self, stop: int = 0, *, sleep: bool = False, leave: bool = True) -> None:
        self.stop = stop
        self.sleep = sleep
        self.leave = leave
        self.runs = 0

    def train(self, context: Context, options: Options) -> Output:
        self.runs += 1
        found = [int(path.name) for path in context.folder.checkpoints.glob("*")] if context.folder.resumed else []
        begin = max(found, default=0)
        if self.sleep:
            print("trains", flush=True)
            time.sleep(60)
        for step in range(begin + 1, STEPS + 1):
            prompt = [{"role": "user", "content": f"What is {step} + 1?"}]
            if step % 2 == 0:
                for answer in (step, step + 1):
                    row = {"step": step, "prompt": prompt, "completion": str(answer), "reward": float(answer != step)}
                    context.folder.sample({"stage": context.stage.name, **row})
            context.step(step, STEPS, {"loss": 8 / step, "learning_rate": 1e-4})
            if step == self.stop:
                raise RuntimeError(f"failed at step {step}")
            if step % EVERY == 0 and self.leave:
                written(context.folder.checkpoints / str(step), "weights")
        if self.leave:
            written(context.folder.model / "weights", "weights")
        return {"engine": "trainer", "model": "model", "steps": STEPS, "metrics": {"loss": 1.0}, "checkpoints": []}

    def sampler(self, context: Context, model: str) -> Four:
        return Four()


class Four:
    """A sampling client that knows one answer."""

    def start_session(self, config: Any) -> None:
        return None

    def sample(self, session: Any, prompt: Any, params: Mapping[str, Any], **options: Any) -> Any:
        return None

    sample_stream = sample
    compute_logprobs = sample

    def await_(self, future: Any) -> Mapping[str, Any]:
        return {"sequences": [{"text": "It is 4."}]}

    def close_session(self, session: Any) -> None:
        return None


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def register(context: Context, options: Options) -> Output:
    return {"name": "sl_basic", "version": 1, "of": context.trained["model"]}


def deploy(context: Context, options: Options) -> Output:
    return {"status": "rendered", "target": options["target"]}


def config(engine: Any = None, **values: Any) -> sl_basic.Config:
    adapters = {REGISTER: register, DEPLOY: deploy}
    return sl_basic.Config(engine=engine or Trainer(), adapters=adapters, ports=Ports(), **values)


def files(path: Path) -> dict[str, bytes]:
    """Every file below a directory, by its path in it."""
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()}


def killed(moment: int) -> None:
    """Has the process end by SIGKILL in place of its write number `moment`, counted from 0."""
    left = [moment]
    real = {"write": os.write, "replace": os.replace, "fsync": os.fsync}

    def counted(name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if left[0] == 0:
                if name == "write":
                    real["write"](arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real[name](*arguments, **named)

        return call

    for name in real:
        setattr(os, name, counted(name))


if __name__ == "__main__":
    sleeping = sys.argv[2] == "sleep"
    if not sleeping:
        killed(int(sys.argv[2]))
    sl_basic.run(config(Trainer(sleep=sleeping), log_path=sys.argv[1]))
