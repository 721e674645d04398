defmodule CrucibleRuntime.Recipe do
  @moduledoc """
  What a recipe is: an experiment that can be built again and again, with other values where the
  caller wants them.

  The callbacks of `TinkexCookbook.Recipe` are among these, so a recipe can be handed to
  `TinkexCookbook.Runtime` too.
  """

  alias CrucibleRuntime.Recipe.Override

  @typedoc "Fields by name."
  @type fields :: %{optional(atom()) => term()} | keyword()

  @typedoc "What a caller supplies to `c:build_spec/1`: fields of the recipe's `Config`, or one."
  @type config :: fields() | struct()

  @typedoc "Fields of a training configuration to override, or a whole one to use instead."
  @type overrides :: fields() | CrucibleIR.Training.Config.t()

  @typedoc "What to ask the model after a run: the tasks, and how to sample."
  @type evaluation :: %{
          required(:tasks) => [map()],
          optional(:temperature) => number(),
          optional(:max_tokens) => pos_integer(),
          optional(:stop) => [String.t()]
        }

  @doc "The name under which the project finds the recipe."
  @callback name() :: String.t()

  @doc "What the recipe does, in a sentence."
  @callback description() :: String.t()

  @doc "The struct of what a caller supplies to `c:build_spec/1`."
  @callback config_schema() :: module()

  @doc "The fields of that struct, as they are when the caller supplies nothing."
  @callback default_config() :: %{optional(atom()) => term()}

  @doc "The names of the live values without which the experiment cannot run."
  @callback needs() :: [atom()]

  @doc "The training configuration, with `overrides` in place."
  @callback training_config(overrides()) :: CrucibleIR.Training.Config.t()

  @doc "The experiment; what the caller does not supply is `nil` in it."
  @callback build_spec(config()) :: CrucibleIR.Experiment.t()

  @doc "What to ask the model after the run, or `nil`."
  @callback evaluation() :: evaluation() | nil

  @doc """
  What the caller supplied, as the struct `schema`.

  Raises `KeyError` for a key that `schema` does not have, `ArgumentError` for one that is no
  atom.
  """
  @spec config!(module(), config()) :: struct()
  def config!(schema, %schema{} = config), do: config
  def config!(schema, config), do: struct!(schema, Override.entries!(config))

  @doc """
  `config` with `overrides` in place, which go as deep as the structure does.

      overrides = %{epochs: 2, model_ref: %{id: "Qwen/Qwen3-8B"}, options: %{lora_rank: 64}}
      override!(config, overrides, :supervised)

  Maps and keyword lists are merged into what is there; any other value, a struct too, takes its
  place. In `options`, and in other maps that are no structs, `nil` removes a key. An integer
  becomes a float where the field is one.

  Raises `KeyError` for a field that the struct does not have and for an option that recipes of
  that `type` do not know, and `ArgumentError` for a value that the schemas of the recipes do not
  allow.
  """
  @spec override!(CrucibleIR.Training.Config.t(), overrides(), atom()) ::
          CrucibleIR.Training.Config.t()
  def override!(%schema{}, %schema{} = config, _type), do: config
  def override!(config, overrides, type), do: Override.merge!(config, overrides, type)
end
