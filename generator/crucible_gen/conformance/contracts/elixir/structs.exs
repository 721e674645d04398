defmodule Introspect.Structs do
  @moduledoc """
  Describes the struct of a module: fields in the order of `defstruct`, defaults, enforced keys, types.

  Which keys are enforced is found by trying: `__struct__/1` refuses a list that lacks one, on every release.
  """

  alias Introspect.{Source, Types}

  @spec describe(module()) :: map() | nil
  def describe(module) do
    if fields = Source.order(module) do
      defaults = module.__struct__()
      {types, named} = Types.of_struct(module)

      %{
        enforce_keys: module |> enforced(fields, defaults) |> Enum.map(&Source.name/1),
        fields:
          for field <- fields do
            %{
              name: Source.name(field),
              default: Source.text(Map.get(defaults, field)),
              type: Map.get(types, field, "term()")
            }
          end,
        types: named
      }
    end
  end

  @doc "Whether building the struct from these keys raises because there is no such key."
  @spec refuses?(module(), atom()) :: boolean()
  def refuses?(module, key) do
    defaults = module.__struct__() |> Map.from_struct()
    struct!(module, Map.put(defaults, key, nil))
    false
  rescue
    error in KeyError -> error.key == key
    _ -> false
  end

  # A struct of which everything but one field is given: the field is enforced if and only if that raises.
  defp enforced(module, fields, defaults) do
    for field <- fields, refuses_without?(module, defaults, field), do: field
  end

  defp refuses_without?(module, defaults, field) do
    _ = module.__struct__(defaults |> Map.from_struct() |> Map.delete(field) |> Map.to_list())
    false
  rescue
    ArgumentError -> true
    _ -> false
  end
end

defmodule Introspect.Types do
  @moduledoc "The types and callbacks of a module as source text; empty where it was compiled without debug information."

  @doc "The types of the struct's fields, and every other named type of the module."
  @spec of_struct(module()) :: {%{atom() => String.t()}, %{String.t() => String.t()}}
  def of_struct(module) do
    types = fetch(module)
    {for_struct, others} = Enum.split_with(types, fn {_, name, type, _} -> name == :t and struct?(type, module) end)
    fields = Enum.reduce(for_struct, %{}, fn {_, _, type, _}, found -> Map.merge(found, fields(type)) end)
    {fields, Map.new(others, fn {_, name, _, text} -> {Atom.to_string(name), text} end)}
  end

  @spec callbacks(module()) :: [map()]
  def callbacks(module) do
    specs =
      case Code.Typespec.fetch_callbacks(module) do
        {:ok, found} -> Map.new(found)
        :error -> %{}
      end

    optional = module.behaviour_info(:optional_callbacks)

    for {name, arity} <- module.behaviour_info(:callbacks) |> Enum.sort() do
      %{
        name: Introspect.Source.name(name),
        arity: arity,
        spec: spec(name, Map.get(specs, {name, arity}, [])),
        optional: {name, arity} in optional
      }
    end
  end

  # A function without arguments was printed in another way before Elixir 1.18.
  defp text(type), do: type |> Macro.to_string() |> String.replace("(() -> ", "(-> ")

  defp spec(_name, []), do: nil

  defp spec(name, specs) do
    Enum.map_join(specs, "; ", fn spec -> name |> Code.Typespec.spec_to_quoted(spec) |> text() |> on_one_line() end)
  end

  # Where the lines of a call break is not the same in all releases.
  defp on_one_line(text) do
    text |> String.replace(~r/\s+/, " ") |> String.replace(~r/(?<=[(\[{]) | (?=[)\]}])/, "")
  end

  defp fetch(module) do
    case Code.Typespec.fetch_types(module) do
      {:ok, found} ->
        for {kind, {name, _, arguments} = type} <- found, kind in [:type, :typep, :opaque] do
          {:"::", _, [_, definition]} = Code.Typespec.type_to_quoted(type)
          {kind, if(arguments == [], do: name, else: :"#{name}/#{length(arguments)}"), definition, text(definition)}
        end
        |> Enum.sort_by(fn {_, name, _, _} -> name end)

      :error ->
        []
    end
  end

  defp struct?({:%, _, [module, _]}, module), do: true
  defp struct?({:%, _, [{:__aliases__, _, parts}, _]}, module), do: Module.concat(parts) == module
  defp struct?(_, _), do: false

  defp fields({:%, _, [_, {:%{}, _, pairs}]}) do
    for {name, type} <- pairs, is_atom(name), into: %{}, do: {name, text(type)}
  end
end
