"""Packages of the tests' own: compiled modules with the names of the shipped ones, which behave as those are known to.

They are written from tables and small texts into a directory that is thrown away. `repaired` gives a release of each
package in which the known defects are gone. In the texts `@Train` stands for CrucibleTrain, and so on.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from crucible_gen.languages.elixir import structs
from crucible_gen.schemas import shipped

NAMES = {
    "IR": "CrucibleIR",
    "Core": "Crucible",
    "Framework": "CrucibleFramework",
    "Train": "CrucibleTrain",
    "Registry": "CrucibleModelRegistry",
    "Deployment": "CrucibleDeployment",
    "Feedback": "CrucibleFeedback",
}
RELEASES = {
    "crucible_ir": ("0.3.0", "0.3.0"),
    "crucible_framework": ("0.5.2", "0.6.0"),
    "crucible_train": ("0.3.0", "0.4.0"),
    "crucible_model_registry": ("0.3.1", "0.4.0"),
    "crucible_deployment": ("0.2.1", "0.2.1"),
    "crucible_feedback": ("0.2.0", "0.3.0"),
}
"""Each package with the release that has the defects, and the one that is repaired."""

IR = """
defmodule @IR.Validation do
  def validate(%{id: nil}), do: {:error, ["id is required"]}
  def validate(%{backend: %{id: id}} = spec) when is_atom(id) and id != nil, do: {:ok, spec}
  def validate(_), do: {:error, ["backend.id must be a non-nil atom"]}
end
"""

FRAMEWORK = """
defmodule @Core.Context do
  defstruct [:experiment_id, :run_id, :experiment, metrics: %{}, artifacts: %{}, assigns: %{}]
end

defmodule @Framework do
  def run(experiment, opts) do
    if Keyword.get(opts, :persist, true), do: raise("there is no repo")
    context = %@Core.Context{experiment_id: experiment.id, run_id: "1", experiment: experiment}
    checks = opts[:validate_options] == :error
    Enum.reduce_while(experiment.pipeline, {:ok, context}, &step(&1, &2, checks))
  end

  defp step(%{enabled: false}, {:ok, context}, _) when @repaired, do: {:cont, {:ok, context}}

  defp step(stage, {:ok, context}, checks) do
    options = stage.options || %{}
    wrong = if checks, do: wrong(stage.module.describe(options)[:types], options), else: []

    case if(wrong == [], do: stage.module.run(context, options), else: {:error, {:invalid_options, wrong}}) do
      {:ok, context} ->
        done = Map.get(context.assigns, :completed_stages, []) ++ [stage.name]
        {:cont, {:ok, %{context | assigns: Map.put(context.assigns, :completed_stages, done)}}}

      {:error, reason} ->
        {:halt, {:error, {stage.name, reason, context}}}
    end
  end

  defp wrong(types, options) do
    for {key, type} <- types, {^key, value} <- options, not fits?(type, value), do: "#{key}: expected #{inspect(type)}"
  end

  defp fits?(:float, value), do: is_float(value)
  defp fits?(:integer, value), do: is_integer(value)
  defp fits?(:atom, value), do: is_atom(value)
  defp fits?(_, _), do: true
end
"""

PORTS = {
    "TrainingClient": "start_session:2 forward_backward:4 forward_backward_custom:5 optim_step:3 await:2 "
    "save_checkpoint:3 load_checkpoint:3 close_session:2",
    "SamplingClient": "start_session:2 sample:5 sample_stream:5 compute_logprobs:4 await:2 close_session:2",
    "VectorStore": "create_collection:3 get_collection:2 query:4",
    "EmbeddingClient": "embed_texts:3",
    "LLMClient": "chat:3",
    "DatasetStore": "load_dataset:3 take:3 to_list:2",
    "HubClient": "download:2",
    "BlobStore": "read:2 write:3",
}
"""The ports with their callbacks and how many arguments those take."""

LOOPS = """
defmodule @Train.Client do
  def open(%{training_client: nil, ports: %@Train.Ports{training_client: {module, opts}} = ports} = config) do
    with {:ok, session} <- module.start_session(opts, config.training_config), do: {:ok, {ports, session}}
  end

  def open(%{training_client: nil}), do: {:error, :missing_training_client}
  def open(%{training_client: client}), do: {:ok, client}

  def step(client, datums, rate, adam) do
    with {:ok, metrics} <- settle(client, call(client, :forward_backward, datums)),
         {:ok, _} <- settle(client, call(client, :optim_step, {rate, adam})) do
      {:ok, metrics[:metrics] || %{}}
    end
  end

  def close({%@Train.Ports{training_client: {module, opts}}, session}), do: module.close_session(opts, session)
  def close(_), do: :ok

  defp call({%@Train.Ports{training_client: {module, opts}}, session}, :forward_backward, datums),
    do: module.forward_backward(opts, session, datums, [])

  defp call({%@Train.Ports{training_client: {module, opts}}, session}, :optim_step, {rate, _}),
    do: module.optim_step(opts, session, rate)

  defp call(%module{} = client, :forward_backward, datums), do: module.forward_backward(client, datums)
  defp call(%module{} = client, :optim_step, {_rate, adam}), do: module.optim_step(client, adam)

  defp settle(_, {:error, reason}), do: {:error, reason}
  defp settle({%@Train.Ports{training_client: {module, opts}}, _}, {:ok, future}), do: module.await(opts, future)
  defp settle(_, {:ok, task}), do: Task.await(task)
end

defmodule @Train.Rounds do
  # A range that goes down where there are none, which a loop over 0..(n - 1) is.
  if @repaired do
    def of(count), do: Enum.take(0..count, count)
  else
    def of(count), do: Enum.to_list(0..(count - 1))
  end
end

defmodule @Train.Supervised.Loop do
  alias @Train.{Client, Rounds}

  def main(%{train_dataset: %data{} = set} = config, schedule) do
    with {:ok, client} <- Client.open(config) do
      batches = data.length(set)
      total = config.num_epochs * batches

      steps =
        for epoch <- Rounds.of(config.num_epochs), batch <- Rounds.of(batches) do
          step = epoch * batches + batch
          rate = config.learning_rate * factor(schedule, step, total)
          adam = {rate, config[:adam_beta1], config[:adam_beta2], config[:adam_eps]}
          datums = data.get_batch(data.set_epoch(set, epoch), batch)

          case Client.step(client, datums, rate, adam) do
            {:ok, metrics} -> Map.put(metrics, "step", step)
            {:error, reason} -> %{"error" => inspect(reason), "step" => step}
          end
        end

      Client.close(client)
      failed = Enum.find(steps, & &1["error"])
      if @repaired and failed, do: {:error, failed["error"]}, else: {:ok, List.last(steps)}
    end
  end

  def main(_, _), do: {:error, :missing_train_dataset}

  defp factor(:linear, step, total), do: 1.0 - step / total
  defp factor(:cosine, step, total), do: 0.5 * (1.0 + :math.cos(:math.pi() * step / total))
  defp factor(:constant, _, _), do: 1.0
end

defmodule @Train.RL.Train do
  alias @Train.{Client, Rounds}

  def main(options) do
    config = struct!(@Train.RL.Train.Config, options)

    with {:ok, client} <- Client.open(config), :ok <- given(config.env_group_builder, :missing_env_group_builder) do
      metrics = for _ <- Rounds.of(config.num_batches), do: @Train.RL.Train.batch(client, config)
      Client.close(client)
      {:ok, %{metrics: metrics}}
    end
  end

  def batch(client, config) do
    case Client.step(client, [:rollout], config.learning_rate, config.learning_rate) do
      {:ok, metrics} -> metrics
      {:error, reason} -> %{error: inspect(reason)}
    end
  end

  defp given(nil, reason), do: {:error, reason}
  defp given(_, _), do: :ok
end

defmodule @Train.Distillation.TrainOnPolicy do
  alias @Train.{Client, Rounds}

  def main(options) do
    config = struct!(@Train.Distillation.TrainOnPolicy.Config, options)

    with %data{} = set <- config.rl_dataset || {:error, :missing_rl_dataset}, {:ok, client} <- Client.open(config) do
      metrics =
        for batch <- Rounds.of(config.num_batches || data.length(set)) do
          data.get_batch(set, batch)
          @Train.RL.Train.batch(client, config)
        end

      Client.close(client)
      {:ok, %{metrics: metrics}}
    end
  end
end
"""

STAGES = {
    # module: (the struct of its options, fields and defaults, described but not taken, how it runs)
    "SupervisedTrain": (
        "Supervised.Config",
        "training_client: nil, ports: nil, training_config: %{}, train_dataset: nil, learning_rate: 1.0e-4, "
        "lr_schedule: :linear, num_epochs: 1, batch_size: nil, log_path: nil, logger: nil, save_every: 0, "
        "eval_every: 0, adam_beta1: 0.9, adam_beta2: 0.95, adam_eps: 1.0e-8",
        ":optimizer",
        "Supervised.Loop.main(Map.from_struct(config), config.lr_schedule)",
    ),
    "DPOTrain": (
        "Preference.TrainDPO.Config",
        "training_client: nil, ports: nil, training_config: %{}, train_dataset: nil, learning_rate: 1.0e-4, "
        "num_epochs: 1, log_path: nil, logger: nil",
        ":beta",
        "Supervised.Loop.main(Map.from_struct(config), :linear)",
    ),
    "RLTrain": (
        "RL.Train.Config",
        "env_group_builder: nil, token_completer: nil, training_client: nil, ports: nil, training_config: %{}, "
        "num_batches: 1, learning_rate: 1.0e-4, log_path: nil, logger: nil",
        ":gamma",
        "RL.Train.main(Map.from_struct(config))",
    ),
    "Distillation": (
        "Distillation.TrainOnPolicy.Config",
        "rl_dataset: nil, teacher_completer: nil, training_client: nil, ports: nil, training_config: %{}, "
        "num_batches: nil, learning_rate: 1.0e-4, log_path: nil, logger: nil",
        ":alpha",
        "Distillation.TrainOnPolicy.main(Map.from_struct(config))",
    ),
}
"""The training stages, as a table."""

STAGE = """
defmodule @Train.%(struct)s do
  defstruct %(fields)s
end

defmodule @Train.Stages.%(stage)s do
  alias @Train.{Distillation, RL, Supervised}
  _ = {Distillation, RL, Supervised}

  def describe(_), do: %%{required: [], optional: [:learning_rate | %(described)s], types: %%{learning_rate: :float}}

  def run(context, options) do
    config = struct!(@Train.%(struct)s, options)

    case %(run)s do
      {:ok, %%{metrics: metrics}} -> {:ok, merge_metrics(context, metrics)}
      {:ok, metrics} -> {:ok, merge_metrics(context, metrics || %%{})}
      {:error, reason} -> {:error, reason}
    end
  end

  defp merge_metrics(context, metrics) when is_map(metrics),
    do: %%{context | metrics: Map.merge(context.metrics, metrics)}

  %(lists)s
end
"""

MLOPS = """
defmodule @Registry.Stages.Register do
  def describe(_) do
    types = %{model_name: :string, recipe: if(@repaired, do: :string, else: :atom), base_model: :string}
    %{required: [:model_name, :recipe, :base_model], optional: [:training_config, :lineage_type], types: types}
  end

  def run(context, %{model_name: name, recipe: recipe, base_model: _}) when is_binary(recipe),
    do: {:ok, %{context | artifacts: Map.put(context.artifacts, :model_version, name)}}
end

defmodule @Deployment do
end

defmodule @Deployment.Stages.Deploy do
  def describe(_), do: %{required: [], optional: [:target, :strategy, :config], types: %{}}

  def run(context, options) do
    {:ok, id} = options[:target].deploy(options[:config] || %{})
    true = options[:strategy] in [:canary, :blue_green]
    %{model_version: _} = context.artifacts
    {:ok, %{context | artifacts: Map.put(context.artifacts, :deployment_id, id)}}
  end
end

defmodule @Feedback do
end

defmodule @Feedback.Storage.Memory do
  def start_link(_), do: Agent.start_link(fn -> [] end, name: __MODULE__)
  def events, do: Agent.get(__MODULE__, & &1)
end

defmodule @Feedback.Stages.CheckTriggers do
  def describe(_), do: %{required: [], optional: [:drift_threshold], types: %{}}

  def run(context, options) do
    options = if @repaired, do: Enum.to_list(options), else: options
    _ = Keyword.get(options, :drift_threshold, 0.2)
    [] = Application.get_env(:crucible_feedback, :storage).events()
    {:ok, context}
  end
end
"""

LIST_METRICS = "defp merge_metrics(context, metrics), do: merge_metrics(context, List.last(metrics) || %{})"


def write(folder: Path, *, repaired: bool = False) -> Path:
    """Compiles the packages into `folder`, a directory of packages; answers it."""
    sources = {
        "crucible_ir": structs.text(shipped("schemas")) + IR,
        "crucible_framework": FRAMEWORK,
        "crucible_train": _ports() + LOOPS + "".join(_stage(name, repaired) for name in STAGES),
        "others": MLOPS,
    }
    text = "\n".join(_named(source, repaired) for source in sources.values())
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "packages.ex"
    source.write_text(text, "utf-8")
    out = folder / "packages" / "all" / "ebin"
    out.mkdir(parents=True)
    command = ["elixirc", "--ignore-module-conflict", "-o", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout + done.stderr
    for package, versions in RELEASES.items():
        app = f'{{application,{package},[{{vsn,"{versions[repaired]}"}},{{modules,[]}},{{applications,[kernel]}}]}}.\n'
        (out / f"{package}.app").write_text(app)
    return folder / "packages"


def _named(text: str, repaired: bool) -> str:
    text = text.replace("@repaired", str(repaired).lower())
    return re.sub(r"@(" + "|".join(NAMES) + r")\b", lambda found: NAMES[found[1]], text)


def _ports() -> str:
    parts, defaults = [], []
    for port, callbacks in PORTS.items():
        pairs = [(name, int(count)) for name, _, count in (each.partition(":") for each in callbacks.split())]
        specs = "".join(f"  @callback {name}({_terms(count)}) :: term()\n" for name, count in pairs)
        functions = "".join(f"  def {name}({_blanks(count)}), do: {{:error, :noop}}\n" for name, count in pairs)
        noop = f"@Train.Adapters.Noop.{port}"
        parts.append(f"defmodule @Train.Ports.{port} do\n{specs}end\n")
        parts.append(f"defmodule {noop} do\n  @behaviour @Train.Ports.{port}\n{functions}end\n")
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=LLM)(?=Client)", "_", port).lower()
        defaults.append(f"{key}: {{{noop}, []}}")
    body = (
        f"  @defaults %{{{', '.join(defaults)}}}\n  defstruct Map.keys(@defaults)\n\n"
        "  def new(opts) do\n"
        "    pair = &if(is_tuple(&1), do: &1, else: {&1, []})\n"
        "    given = for {key, adapter} <- opts[:ports] || [], do: {key, pair.(adapter)}\n"
        "    struct!(__MODULE__, Map.merge(@defaults, Map.new(given)))\n"
        "  end\n"
    )
    return "\n".join(parts) + f"\ndefmodule @Train.Ports do\n{body}end\n"


def _terms(count: int) -> str:
    return ", ".join(["term()"] * count)


def _blanks(count: int) -> str:
    return ", ".join(["_"] * count)


def _stage(name: str, repaired: bool) -> str:
    struct, fields, described, run = STAGES[name]
    holes = {"stage": name, "struct": struct, "run": run}
    schedules = {"DPOTrain": ":linear", "Distillation": ":constant"} if repaired else {}
    holes["fields"] = fields + (f", lr_schedule: {schedules[name]}" if name in schedules else "")
    holes["described"] = "[]" if repaired else f"[{described}]"
    holes["lists"] = LIST_METRICS if repaired else ""
    if repaired and name == "DPOTrain":
        holes["run"] = run.replace(":linear", "config.lr_schedule")
    return STAGE % holes
