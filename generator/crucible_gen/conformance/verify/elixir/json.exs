defmodule Verify.JSON do
  @moduledoc "Encodes plain values as JSON; what JSON cannot express is written as `inspect/1` shows it."

  @spec encode(term()) :: iodata()
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_atom(value), do: value |> Atom.to_string() |> encode()
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_float(value), do: :erlang.float_to_binary(value, [:short])

  def encode(value) when is_binary(value) do
    text = if String.valid?(value), do: value, else: inspect(value)
    [?", for(<<char::utf8 <- text>>, do: escape(char)), ?"]
  end

  def encode(value) when is_list(value) do
    if Enum.all?(value, &match?({key, _} when is_atom(key), &1)) and value != [],
      do: value |> Map.new() |> encode(),
      else: [?[, value |> Enum.map(&encode/1) |> Enum.intersperse(?,), ?]]
  end

  def encode(value) when is_map(value) and not is_struct(value) do
    members = for {key, item} <- value, do: [encode(to_string(key)), ?:, encode(item)]
    [?{, Enum.intersperse(members, ?,), ?}]
  end

  def encode(value), do: value |> inspect() |> encode()

  defp escape(?"), do: "\\\""
  defp escape(?\\), do: "\\\\"
  defp escape(char) when char < 0x20, do: :io_lib.format("\\u~4.16.0b", [char])
  defp escape(char), do: <<char::utf8>>
end
