defmodule CrucibleModelRegistry.Stages.Register do
  @behaviour Crucible.Stage

  @impl true
  def describe(_) do
    %{
      name: :model_register,
      description: "Registers a version",
      required: [:model_name, :recipe, :base_model],
      optional: [:version, :training_config, :artifacts, :parent_version_id, :lineage_type],
      types: %{recipe: :atom, lineage_type: {:enum, [:fine_tune, :distillation, :merge]}}
    }
  end

  @impl true
  def run(context, options) when is_map(options) do
    version = %{
      model: Map.fetch!(options, :model_name),
      recipe: Map.fetch!(options, :recipe),
      base_model: Map.fetch!(options, :base_model),
      version: Map.get(options, :version) || to_string(System.os_time()),
      training_config: training_config(context, options),
      artifacts: artifacts(options),
      parent: {Map.get(options, :parent_version_id), Map.get(options, :lineage_type)}
    }

    {:ok, %{context | artifacts: %{model_version: version}}}
  end

  defp training_config(context, options), do: Map.get(options, :training_config) || context.artifacts[:config] || %{}

  defp artifacts(options) do
    cond do
      found = Map.get(options, :artifacts) -> found
      true -> []
    end
  end
end

defmodule CrucibleDeployment.Stages.Deploy do
  @behaviour Crucible.Stage

  @impl true
  def describe(_) do
    %{name: :deploy, description: "Deploys", required: [], optional: [:target, :strategy, :config], types: %{}}
  end

  @impl true
  def run(context, options) do
    deployment = %{target: options[:target] || :vllm, strategy: options[:strategy] || :canary, config: options[:config] || %{}}
    {:ok, %{context | artifacts: %{deployment: deployment}}}
  end
end

defmodule CrucibleFeedback.Triggers do
  def check(deployment, options \\ []) do
    score = Keyword.get(options, :drift_score) || CrucibleFeedback.Drift.score(deployment, options)
    [score > threshold(options), CrucibleFeedback.Drift.storage(options).count(deployment, options) > 1]
  end

  defp threshold(options) do
    config = Application.get_env(:crucible_feedback, :triggers, [])
    Keyword.get(options, :drift_threshold, config[:drift_threshold] || 0.2)
  end
end

defmodule CrucibleFeedback.Drift do
  # The same key has another default here; the one nearest to the stage is the option's.
  def score(_, options), do: distance(options) / Keyword.get(options, :window_size, 1_000)
  defp distance(options), do: Keyword.get(options, :drift_threshold, 0.5)
  def storage(options), do: Keyword.get(options, :storage, CrucibleFeedback.Memory)
end

defmodule CrucibleFeedback.Memory do
  def count(_, _), do: 0
end

defmodule CrucibleFeedback.Stages.CheckTriggers do
  @behaviour Crucible.Stage

  @impl true
  def describe(_) do
    %{name: :check_triggers, description: "Checks", required: [], optional: [:threshold, :window_hours, :trigger_types], types: %{}}
  end

  @impl true
  def run(context, options), do: {:ok, %{context | metrics: %{triggers: CrucibleFeedback.Triggers.check(nil, options)}}}
end

defmodule CrucibleFeedback.Stages.ExportFeedback do
  @behaviour Crucible.Stage

  @impl true
  def describe(_) do
    %{name: :export_feedback, description: "Exports", required: [], optional: [:format, :output_path, :filters], types: %{}}
  end

  @impl true
  def run(context, options) do
    {:ok, %{context | artifacts: %{path: export(Keyword.get(options, :format, :jsonl), Keyword.take(options, [:output_path, :limit, :include_exported, :export_batch_id, :storage]))}}}
  end

  defp export(:jsonl, options), do: options[:output_path]
  defp export(other, _), do: other
end
