# A stand-in for the package of this name in tests: the parts of it that a run of a recipe calls.
defmodule Crucible.Context do
  @moduledoc "What stages hand on: the experiment, and what came of the stages before."

  defstruct [:experiment, :run_id, metrics: %{}, artifacts: %{}, assigns: %{}]
end

defmodule CrucibleFramework do
  @moduledoc "Runs the stages of an experiment in their order."

  def run(experiment, opts) do
    if Keyword.get(opts, :persist, true), do: raise("no repo is configured")

    context = %Crucible.Context{
      experiment: experiment,
      run_id: opts[:run_id],
      assigns: Map.new(opts[:assigns] || %{})
    }

    Enum.reduce_while(experiment.pipeline, {:ok, context}, fn stage, {:ok, context} ->
      case stage.module.run(context, stage.options || %{}) do
        {:ok, context} -> {:cont, {:ok, finished(context, stage.name)}}
        {:error, reason} -> {:halt, {:error, {stage.name, reason, context}}}
      end
    end)
  end

  defp finished(context, name) do
    stages = Map.get(context.assigns, :completed_stages, [])
    stages = if name in stages, do: stages, else: stages ++ [name]
    %{context | assigns: Map.put(context.assigns, :completed_stages, stages)}
  end
end
