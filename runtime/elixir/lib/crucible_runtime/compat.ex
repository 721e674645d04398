defmodule CrucibleRuntime.Compat do
  @moduledoc """
  Stages that stand in for stages of releases which cannot finish.

  In crucible_train 0.3.0 the loops of `CrucibleTrain.Stages.RLTrain` and
  `CrucibleTrain.Stages.Distillation` return a list with the metrics of each batch, and the stages
  fail on it after all training is done. The stages here call the same loops, and give the pipeline
  the metrics of the last batch.

  They are here because `compat` says so in the settings of the recipes, or in a recipe. Once the
  package is repaired, take the line out: this file goes, and the pipelines name the package's
  stages again.
  """

  @doc false
  def describe(name, description, options) do
    %{
      name: name,
      description: description,
      required: [],
      optional: options,
      types: %{learning_rate: :float}
    }
  end

  @doc false
  def merge({:ok, %{metrics: metrics}}, context) when is_list(metrics) do
    last = List.last(metrics) || %{}
    {:ok, %{context | metrics: Map.merge(context.metrics, last)}}
  end

  # What a repaired release answers.
  def merge({:ok, result}, context) do
    {:ok, %{context | metrics: Map.merge(context.metrics, result[:metrics] || %{})}}
  end

  def merge({:error, reason}, _context), do: {:error, reason}
end

defmodule CrucibleRuntime.Compat.RLTrain do
  @moduledoc """
  Stands in for `CrucibleTrain.Stages.RLTrain`, with the options of
  `CrucibleTrain.RL.Train.Config`.
  """

  alias CrucibleRuntime.Compat

  @compile {:no_warn_undefined, CrucibleTrain.RL.Train}

  @options [
    :training_config,
    :ports,
    :env_group_builder,
    :token_completer,
    :training_client,
    :log_path,
    :logger,
    :num_batches,
    :learning_rate
  ]

  @doc "The stage that this one stands in for."
  @spec stands_for() :: module()
  def stands_for, do: CrucibleTrain.Stages.RLTrain

  @doc "The options of the stage, as `Crucible.Stage` asks for them."
  @spec describe(map()) :: map()
  def describe(_options), do: Compat.describe(:rl_train, "Reinforcement learning.", @options)

  @doc "Trains; raises `KeyError` for an option that the loop does not have."
  @spec run(struct(), map()) :: {:ok, struct()} | {:error, term()}
  def run(context, options),
    do: options |> CrucibleTrain.RL.Train.main() |> Compat.merge(context)
end

defmodule CrucibleRuntime.Compat.Distillation do
  @moduledoc """
  Stands in for `CrucibleTrain.Stages.Distillation`, with the options of
  `CrucibleTrain.Distillation.TrainOnPolicy.Config`.
  """

  alias CrucibleRuntime.Compat

  @compile {:no_warn_undefined, CrucibleTrain.Distillation.TrainOnPolicy}

  @options [
    :training_config,
    :ports,
    :rl_dataset,
    :teacher_completer,
    :training_client,
    :log_path,
    :logger,
    :num_batches,
    :learning_rate
  ]

  @doc "The stage that this one stands in for."
  @spec stands_for() :: module()
  def stands_for, do: CrucibleTrain.Stages.Distillation

  @doc "The options of the stage, as `Crucible.Stage` asks for them."
  @spec describe(map()) :: map()
  def describe(_options),
    do: Compat.describe(:distillation, "Distillation of a teacher into a student.", @options)

  @doc "Trains; raises `KeyError` for an option that the loop does not have."
  @spec run(struct(), map()) :: {:ok, struct()} | {:error, term()}
  def run(context, options),
    do: options |> CrucibleTrain.Distillation.TrainOnPolicy.main() |> Compat.merge(context)
end
