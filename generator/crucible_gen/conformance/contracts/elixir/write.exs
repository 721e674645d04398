defmodule Introspect.Source do
  @moduledoc """
  Writes a value as Elixir source text: the same text on every release of Elixir and OTP.

  `inspect/2` is not used for what has an order, for maps were printed in another order before OTP 26.
  """

  @spec text(term()) :: String.t()
  def text(value) when is_list(value) do
    cond do
      value == [] -> "[]"
      improper?(value) -> opaque(value)
      Keyword.keyword?(value) -> "[" <> pairs(value) <> "]"
      true -> "[" <> Enum.map_join(value, ", ", &text/1) <> "]"
    end
  end

  def text(value) when is_tuple(value) do
    "{" <> (value |> Tuple.to_list() |> Enum.map_join(", ", &text/1)) <> "}"
  end

  def text(%module{} = value) do
    fields = order(module) || value |> Map.from_struct() |> Map.keys() |> Enum.sort()
    "%" <> inspect(module) <> "{" <> pairs(for(key <- fields, do: {key, Map.get(value, key)})) <> "}"
  end

  def text(value) when is_map(value) do
    sorted = Enum.sort_by(value, fn {key, _} -> text(key) end)

    if Enum.all?(sorted, fn {key, _} -> is_atom(key) end) do
      "%{" <> pairs(sorted) <> "}"
    else
      "%{" <> Enum.map_join(sorted, ", ", fn {key, item} -> text(key) <> " => " <> text(item) end) <> "}"
    end
  end

  def text(value) when is_float(value) do
    # Shortest digits; before OTP 25 the emulator cannot give them, and Elixir prints them itself.
    :erlang.float_to_binary(value, [:short])
  rescue
    ArgumentError -> inspect(value)
  end

  def text(value) when is_function(value) do
    info = Function.info(value)

    if info[:type] == :external do
      "&#{inspect(info[:module])}.#{info[:name]}/#{info[:arity]}"
    else
      "#Function<#{inspect(info[:module])}/#{info[:arity]}>"
    end
  end

  def text(value) when is_atom(value) or is_number(value) or is_bitstring(value) do
    inspect(value, limit: :infinity, printable_limit: :infinity)
  end

  def text(value), do: opaque(value)

  @doc "The fields of a module's struct in the order of definition, or nil where it has none."
  @spec order(module()) :: [atom()] | nil
  def order(module) do
    if Code.ensure_loaded?(module) and function_exported?(module, :__struct__, 0) do
      case function_exported?(module, :__info__, 1) && module.__info__(:struct) do
        fields when is_list(fields) -> Enum.map(fields, & &1.field)
        _ -> module.__struct__() |> Map.from_struct() |> Map.keys() |> Enum.sort()
      end
    end
  end

  @doc "Text of an atom without its colon, of a text itself, of anything else its source."
  @spec name(term()) :: String.t()
  def name(value) when is_binary(value), do: if(String.valid?(value), do: value, else: text(value))

  def name(value) when is_atom(value) do
    case Atom.to_string(value) do
      "Elixir." <> module -> module
      other -> other
    end
  end

  def name(value), do: text(value)

  defp pairs(pairs), do: Enum.map_join(pairs, ", ", fn {key, item} -> key(key) <> " " <> text(item) end)

  defp key(key) do
    case inspect([{key, 0}]) do
      "[" <> rest -> rest |> String.trim_trailing("]") |> String.trim_trailing("0") |> String.trim()
    end
  end

  defp improper?([_ | tail]) when is_list(tail), do: improper?(tail)
  defp improper?(tail), do: tail != []

  # A process, a port, a reference: its text would differ in each run.
  defp opaque(value) when is_pid(value), do: "#PID<>"
  defp opaque(value) when is_reference(value), do: "#Reference<>"
  defp opaque(value) when is_port(value), do: "#Port<>"
  defp opaque(value), do: inspect(value, limit: :infinity)
end

defmodule Introspect.JSON do
  @moduledoc "Encodes plain values as JSON: maps with string or atom keys, lists, strings, integers, true, false, nil."

  @spec encode(term()) :: iodata()
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_atom(value), do: value |> Atom.to_string() |> encode()

  def encode(value) when is_binary(value) do
    text = if String.valid?(value), do: value, else: inspect(value)
    [?", for(<<char::utf8 <- text>>, do: escape(char)), ?"]
  end

  def encode(value) when is_list(value), do: [?[, value |> Enum.map(&encode/1) |> Enum.intersperse(?,), ?]]

  def encode(value) when is_map(value) do
    members = for {key, item} <- value, do: [encode(to_string(key)), ?:, encode(item)]
    [?{, Enum.intersperse(members, ?,), ?}]
  end

  defp escape(?"), do: "\\\""
  defp escape(?\\), do: "\\\\"
  defp escape(char) when char < 32, do: :io_lib.format("\\u~4.16.0b", [char])
  defp escape(char), do: <<char::utf8>>
end
