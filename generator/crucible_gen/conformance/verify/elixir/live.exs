defmodule Verify.Live.Batches do
  defstruct []
  def length(_), do: 3
  def get_batch(_, index), do: [Verify.Live.datum(2 * index), Verify.Live.datum(2 * index + 1)]
  def set_epoch(batches, _epoch), do: batches
end

defmodule Verify.Live.Env do
  defstruct reward: 0.0
  def initial_observation(_), do: {Verify.Live.input([1, 2, 3]), []}

  def step(env, _action) do
    Verify.Live.struct_or_map(["CrucibleTrain", "RL", "StepResult"], %{
      reward: env.reward,
      episode_done: true,
      next_observation: Verify.Live.input([1, 2, 3, 4]),
      next_stop_condition: []
    })
  end
end

defmodule Verify.Live.Group do
  defstruct []
  def make_envs(_), do: [%Verify.Live.Env{reward: 0.0}, %Verify.Live.Env{reward: 1.0}]
end

defmodule Verify.Live.Groups do
  defstruct count: 3
  def length(groups), do: groups.count

  # Data ends: a loop that goes past its end has to notice.
  def get_batch(groups, index) do
    if index < 0 or index >= groups.count, do: raise(ArgumentError, "there is no batch #{index}")
    [%Verify.Live.Group{}]
  end
end

defmodule Verify.Live.Completer do
  defstruct []

  def complete(_, _input, _stop) do
    {:ok,
     Verify.Live.struct_or_map(["CrucibleTrain", "Types", "TokensWithLogprobs"], %{
       tokens: [7, 8],
       maybe_logprobs: [-0.1, -0.2]
     })}
  end
end

defmodule Verify.Live do
  @moduledoc """
  The live values of a proof: data sets of three small batches, an environment that rewards, a
  model that always says the same.

  Each is under the name of the option that takes it; what has another name stays `nil`.
  """

  @batches 3

  @doc "Live values by option; an RL data set has `rounds` batches, and never fewer than three."
  def values(rounds) do
    %{
      ports: Verify.Ports.new(),
      train_dataset: %Verify.Live.Batches{},
      rl_dataset: %Verify.Live.Groups{count: max(rounds, @batches)},
      env_group_builder: %Verify.Live.Group{},
      token_completer: %Verify.Live.Completer{},
      teacher_completer: %Verify.Live.Completer{}
    }
  end

  @doc "What the package takes for tokens: its own type where it has one."
  def input(tokens), do: made(["CrucibleTrain", "Types", "ModelInput"], :from_ints, [tokens]) || tokens

  def datum(index) do
    tokens = [index, index + 1]
    tensor = &made(["CrucibleTrain", "Types", "TensorData"], :from_list, [&1, &2])
    targets = %{"target_tokens" => tensor.(tokens, :int64), "weights" => tensor.([0.0, 1.0], :float32)}
    made(["CrucibleTrain", "Types", "Datum"], :new, [input(tokens), targets]) || %{tokens: tokens}
  end

  def struct_or_map(parts, fields) do
    module = Module.concat(parts)
    if Code.ensure_loaded?(module), do: struct!(module, fields), else: fields
  end

  defp made(parts, function, arguments) do
    module = Module.concat(parts)

    if Code.ensure_loaded?(module) and function_exported?(module, function, length(arguments)),
      do: apply(module, function, arguments)
  end
end
