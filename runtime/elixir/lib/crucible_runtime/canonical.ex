defmodule CrucibleRuntime.Canonical do
  @moduledoc """
  Canonical JSON: compact, keys sorted by their bytes, every field of a struct.

  The bytes are those that Jason writes for the same values with sorted keys, and so the SHA-256
  of a training configuration is the one under which `CrucibleModelRegistry` knows it. Two
  differences: a keyword list is an object here, where Jason raises; and no library is needed.
  """

  @doc """
  The canonical JSON of `term`; raises `ArgumentError` for what JSON cannot say, such as a tuple,
  a pid or a function.

      iex> CrucibleRuntime.Canonical.encode(%{rate: 2.0e-4, kind: :linear, every: nil})
      ~s({"every":null,"kind":"linear","rate":0.0002})
  """
  @spec encode(term()) :: String.t()
  def encode(term), do: term |> value() |> IO.iodata_to_binary()

  defp value(nil), do: "null"
  defp value(true), do: "true"
  defp value(false), do: "false"
  defp value(atom) when is_atom(atom), do: string(Atom.to_string(atom))
  defp value(text) when is_binary(text), do: string(text)
  defp value(integer) when is_integer(integer), do: Integer.to_string(integer)
  defp value(float) when is_float(float), do: :erlang.float_to_binary(float, [:short])

  defp value(%module{} = time) when module in [Date, DateTime, NaiveDateTime, Time],
    do: string(module.to_iso8601(time))

  defp value(%_{} = struct), do: struct |> Map.from_struct() |> object()
  defp value(%{} = map), do: object(map)
  defp value([]), do: "[]"

  defp value(list) when is_list(list) do
    if Keyword.keyword?(list),
      do: object(list),
      else: [?[, list |> Enum.map(&value/1) |> Enum.intersperse(?,), ?]]
  end

  defp value(other), do: raise(ArgumentError, "no JSON for #{inspect(other)}")

  defp object(pairs) do
    members =
      pairs
      |> Enum.map(fn {key, value} -> {to_string(key), value} end)
      |> Enum.sort_by(&elem(&1, 0))
      |> Enum.map(fn {key, value} -> [string(key), ?:, value(value)] end)

    [?{, Enum.intersperse(members, ?,), ?}]
  end

  defp string(text) do
    if not String.valid?(text), do: raise(ArgumentError, "no UTF-8: #{inspect(text)}")
    [?", for(<<byte <- text>>, do: escape(byte)), ?"]
  end

  defp escape(?"), do: ~S(\")
  defp escape(?\\), do: ~S(\\)
  defp escape(?\b), do: ~S(\b)
  defp escape(?\t), do: ~S(\t)
  defp escape(?\n), do: ~S(\n)
  defp escape(?\f), do: ~S(\f)
  defp escape(?\r), do: ~S(\r)

  defp escape(byte) when byte < 0x20,
    do: [~S(\u), byte |> Integer.to_string(16) |> String.pad_leading(4, "0")]

  defp escape(byte), do: byte
end
