defmodule CrucibleRuntime.Recipe do
  @moduledoc """
  What a recipe is: an experiment that can be built again and again, with other values where the
  caller wants them.

  The callbacks of `TinkexCookbook.Recipe` are among these, so a recipe can be handed to
  `TinkexCookbook.Runtime` too.
  """

  alias CrucibleRuntime.Recipe.Schema

  @doc "The name under which `CrucibleRuntime.fetch/1` finds the recipe."
  @callback name() :: String.t()

  @doc "What the recipe does, in a sentence."
  @callback description() :: String.t()

  @doc "The struct of what a caller supplies to `c:build_spec/1`."
  @callback config_schema() :: module()

  @doc "The fields of that struct, as they are when the caller supplies nothing."
  @callback default_config() :: map()

  @doc "The names of the live values without which the experiment cannot run."
  @callback needs() :: [atom()]

  @doc "The training configuration, with `overrides` in place."
  @callback training_config(overrides :: map() | keyword() | struct()) ::
              CrucibleIR.Training.Config.t()

  @doc "The experiment; what the caller does not supply is `nil` in it."
  @callback build_spec(config :: map() | keyword() | struct()) :: CrucibleIR.Experiment.t()

  @doc "What to ask the model after the run, or `nil`."
  @callback evaluation() :: map() | nil

  @doc """
  What the caller supplied, as the struct `schema`.

  Raises `KeyError` for a key that `schema` does not have, `ArgumentError` for one that is no
  atom.
  """
  @spec config!(module(), map() | keyword() | struct()) :: struct()
  def config!(schema, %schema{} = config), do: config
  def config!(schema, config), do: struct!(schema, fields!(config))

  @doc """
  `config` with `overrides` in place, which go as deep as the structure does.

      overrides = %{epochs: 2, model_ref: %{id: "Qwen/Qwen3-8B"}, options: %{lora_rank: 64}}
      override!(config, overrides, :supervised)

  Maps and keyword lists are merged into what is there; any other value, a struct too, takes its
  place. In `options`, and in other maps that are no structs, `nil` removes a key. An integer
  becomes a float where the field is one. Raises `KeyError` for a field that the struct does not
  have and for an option that recipes of that `type` do not know.
  """
  @spec override!(struct(), map() | keyword() | struct(), atom()) ::
          CrucibleIR.Training.Config.t()
  def override!(%schema{}, %schema{} = config, _type), do: config

  def override!(config, overrides, type) do
    overrides = fields!(overrides)
    if options = overrides[:options], do: known!(options, Schema.options(type))
    merge!([], config, overrides)
  end

  defp known!(options, known) do
    for {name, _value} <- fields!(options), name not in known do
      raise KeyError, key: name, term: known
    end
  end

  # What `value` makes of `current`; `path` is where they stand, innermost name first.
  defp merge!(_path, %schema{}, %schema{} = value), do: value

  defp merge!(path, %schema{} = current, value) do
    unless fields?(value) do
      raise ArgumentError,
            "#{hd(path)} takes fields of #{inspect(schema)} or such a struct, " <>
              "got: #{inspect(value)}"
    end

    Enum.reduce(fields!(value), current, fn {name, value}, struct ->
      struct!(struct, [{name, merge!([name | path], Map.get(struct, name), value)}])
    end)
  end

  defp merge!(_path, nil, []), do: []

  defp merge!(path, current, value) when is_map(current) or is_nil(current),
    do: if(fields?(value), do: merge_map(path, current || %{}, value), else: plain(path, value))

  defp merge!(path, _current, value), do: plain(path, value)

  defp merge_map(path, map, overrides) do
    Enum.reduce(overrides, map, fn
      {key, nil}, map -> Map.delete(map, key)
      # Behind a key of a map, nothing says that an empty list means no fields.
      {key, []}, map -> Map.put(map, key, [])
      {key, value}, map -> Map.put(map, key, merge!([key | path], Map.get(map, key), value))
    end)
  end

  # 1 is a rate as good as 1.0, but not for the stages that ask for a float, and not in JSON.
  defp plain(path, value),
    do: if(is_integer(value) and Schema.float?(path), do: value * 1.0, else: value)

  defp fields?(value), do: (is_map(value) and not is_struct(value)) or Keyword.keyword?(value)

  defp fields!(value) do
    unless is_list(value) or (is_map(value) and not is_struct(value)) do
      raise ArgumentError, "expected a map or a keyword list, got: #{inspect(value)}"
    end

    Map.new(value, fn
      {name, value} when is_atom(name) ->
        {name, value}

      {name, _value} ->
        raise ArgumentError, "expected atoms as keys, got: #{inspect(name)}"

      other ->
        raise ArgumentError, "expected a map or a keyword list, found in it: #{inspect(other)}"
    end)
  end
end
