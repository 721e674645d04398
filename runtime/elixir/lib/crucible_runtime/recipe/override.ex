defmodule CrucibleRuntime.Recipe.Override do
  @moduledoc """
  Puts overrides into a training configuration, and holds each of them to the schemas.

  What is not overridden is not looked at: it was checked when the recipe was generated. A whole
  struct is taken as it is.
  """

  alias CrucibleRuntime.Canonical
  alias CrucibleRuntime.Recipe.Schema

  @names %{
    atom: "an atom",
    boolean: "a boolean",
    float: "a number",
    integer: "an integer",
    list: "a list",
    map: "a map or a keyword list",
    module: "a module",
    number: "a number",
    string: "a string"
  }

  @doc """
  `config` with `overrides` in place, for a recipe of this `type`.

  Raises `KeyError` for a field or an option that does not exist, and `ArgumentError` for a value
  that the schemas do not allow; both name the field.
  """
  @spec merge!(struct(), map() | keyword(), atom()) :: struct()
  def merge!(config, overrides, type),
    do: fields!(config, Schema.training_config(type), overrides, "training_config")

  @doc "The entries of a map or a keyword list; raises `ArgumentError` for a key that is no atom."
  @spec entries!(term()) :: [{atom(), term()}]
  def entries!(value) do
    if not (is_list(value) or (is_map(value) and not is_struct(value))) do
      raise ArgumentError, "expected a map or a keyword list, got: #{inspect(value)}"
    end

    Enum.map(value, fn
      {name, value} when is_atom(name) ->
        {name, value}

      {name, _value} ->
        raise ArgumentError, "expected atoms as keys, got: #{inspect(name)}"

      other ->
        raise ArgumentError, "expected a map or a keyword list, found in it: #{inspect(other)}"
    end)
  end

  defp fields!(struct, rules, overrides, path) do
    Enum.reduce(entries!(overrides), struct, fn {name, value}, struct ->
      rule = rules[name] || rule_of_release(struct, name, path)
      Map.replace!(struct, name, value!(Map.get(struct, name), rule, value, "#{path}.#{name}"))
    end)
  end

  # A later release of the package may have fields that the schemas do not know.
  defp rule_of_release(struct, name, path) do
    known = struct |> Map.from_struct() |> Map.keys()
    if name in known, do: [], else: unknown!(path, "field", name, known)
  end

  # What `value` makes of `current`.
  defp value!(current, [struct: module], value, path) do
    cond do
      is_struct(value, module) -> value
      entries?(value) -> fields!(current || struct(module), Schema.fields(module), value, path)
      true -> refuse!(path, "fields of #{inspect(module)} or such a struct", value)
    end
  end

  defp value!(_current, rule, nil, path) do
    if rule != [] and not Keyword.get(rule, :nullable, false),
      do: refuse!(path, words(rule[:type]), nil)
  end

  defp value!(current, rule, value, path) do
    entries? = entries?(value)

    case rule[:type] do
      :map when entries? -> map!(current || %{}, rule, value, path)
      nil when entries? and value != [] -> map!(current, rule, value, path)
      nil -> plain!(value, path)
      :list when is_list(value) -> items!(rule, value, path)
      type -> type |> List.wrap() |> typed!(value, path) |> bounded!(rule, path)
    end
  end

  defp entries?(value),
    do: (is_map(value) and not is_struct(value)) or Keyword.keyword?(value)

  # Anything but a map gives way to one.
  defp map!(current, rule, overrides, path) when not is_map(current) or is_struct(current),
    do: map!(%{}, rule, overrides, path)

  defp map!(current, rule, overrides, path) do
    Enum.reduce(overrides, current, fn {key, value}, map ->
      rule = rule_of_key!(rule, key, path)

      if is_nil(value),
        do: Map.delete(map, key),
        else: Map.put(map, key, value!(Map.get(map, key), rule, value, "#{path}.#{key}"))
    end)
  end

  defp rule_of_key!(rule, key, path) do
    known = Keyword.get(rule, :properties, [])
    others = Keyword.get(rule, :additional, true)

    cond do
      not (is_atom(key) or is_binary(key)) ->
        refuse!("a key of #{path}", "an atom or a string", key)

      is_atom(key) and known[key] != nil ->
        known[key]

      is_list(others) ->
        others

      others ->
        []

      is_atom(key) ->
        unknown!(path, "option", key, Keyword.keys(known))

      true ->
        raise ArgumentError, "#{path} takes atoms as keys, got: #{inspect(key)}"
    end
  end

  defp items!(rule, items, path) do
    for {item, index} <- Enum.with_index(items),
        do: value!(nil, Keyword.get(rule, :items, []), item, "#{path}[#{index}]")
  end

  defp plain!(value, path) do
    _json = Canonical.encode(value)
    value
  rescue
    error in ArgumentError ->
      reraise ArgumentError, [message: "#{path}: #{error.message}"], __STACKTRACE__
  end

  # 1 is a rate as good as 1.0, but not for the stages that ask for a float, and not in JSON; and
  # JSON Schema counts 3.0 as an integer.
  defp typed!(_types, value, path)
       when is_integer(value) and value not in -0x8000000000000000..0x7FFFFFFFFFFFFFFF,
       do: refuse!(path, "a number of 64 bits", value)

  defp typed!([:float], value, _path) when is_integer(value), do: value * 1.0

  defp typed!([:integer], value, path) when is_float(value) and value == trunc(value),
    do: typed!([:integer], trunc(value), path)

  # A name may be given as text, as in a file of overrides that was JSON.
  defp typed!([:atom], value, _path) when is_binary(value) and byte_size(value) < 256,
    do: String.to_atom(value)

  defp typed!(types, value, path),
    do:
      if(Enum.any?(types, &type?(&1, value)), do: value, else: refuse!(path, words(types), value))

  defp type?(:atom, value), do: is_atom(value) and not is_boolean(value)
  defp type?(:boolean, value), do: is_boolean(value)
  defp type?(:float, value), do: is_float(value)
  defp type?(:integer, value), do: is_integer(value)
  defp type?(:module, value), do: is_atom(value) and not is_boolean(value)
  defp type?(:number, value), do: is_number(value)
  defp type?(:string, value), do: is_binary(value) and String.valid?(value)
  defp type?(_container, _value), do: false

  defp bounded!(value, rule, path) do
    for {bound, limit} <- rule, wanted = broken(bound, limit, value) do
      refuse!(path, wanted, value)
    end

    value
  end

  # What a value must be, where it is not; a bound of another type of value holds.
  defp broken(:minimum, limit, value) when is_number(value) and value < limit,
    do: "at least #{limit}"

  defp broken(:exclusive_minimum, limit, value) when is_number(value) and value <= limit,
    do: "greater than #{limit}"

  defp broken(:maximum, limit, value) when is_number(value) and value > limit,
    do: "at most #{limit}"

  defp broken(:exclusive_maximum, limit, value) when is_number(value) and value >= limit,
    do: "less than #{limit}"

  defp broken(:min_length, limit, value) do
    if String.length(to_string(value)) < limit, do: "at least #{limit} characters long"
  end

  defp broken(:pattern, pattern, value) do
    if not Regex.match?(Regex.compile!(pattern, "u"), to_string(value)), do: form(pattern)
  end

  defp broken(:enum, values, value) do
    near = if is_atom(value), do: suggestion(value, Enum.filter(values, &is_atom/1)), else: ""
    if value not in values, do: "one of #{Enum.map_join(values, ", ", &inspect/1)}#{near}"
  end

  defp broken(_bound, _limit, _value), do: nil

  defp form("\\S"), do: "more than blanks"
  defp form(pattern), do: "of the form #{pattern}"

  defp words(types), do: types |> List.wrap() |> Enum.map_join(" or ", &Map.fetch!(@names, &1))

  @spec refuse!(String.t(), String.t(), term()) :: no_return()
  defp refuse!(path, wanted, value),
    do: raise(ArgumentError, "#{path} must be #{wanted}, got: #{inspect(value)}")

  @spec unknown!(String.t(), String.t(), atom(), [atom()]) :: no_return()
  defp unknown!(path, what, name, known) do
    known = Enum.sort(known)
    message = "#{path} has no #{what} #{inspect(name)}#{suggestion(name, known)}"
    known_names = Enum.map_join(known, ", ", &inspect/1)
    raise KeyError, key: name, term: known, message: "#{message}. Known: #{known_names}"
  end

  defp suggestion(name, known) do
    text = Atom.to_string(name)
    near = Enum.max_by(known, &String.jaro_distance(text, Atom.to_string(&1)), fn -> nil end)

    if near != nil and String.jaro_distance(text, Atom.to_string(near)) > 0.77,
      do: "; did you mean #{inspect(near)}?",
      else: ""
  end
end
