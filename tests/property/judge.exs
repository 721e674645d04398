# Judges Elixir source: one case a line (kind, tab, source in base 64), one answer a line (base 64).
#
#   format  the source as the formatter leaves it
#   value   the value that the source evaluates to, as `Judge.show/1` writes it
#   json    that value as canonical JSON, by the rules of Jason with sorted keys
#   length  the number of graphemes of each line of the source
defmodule Judge.Point do
  defstruct [:a, :b, :ok?, :learning_rate, :"foo bar", :options]
end

defmodule Judge.Training.ConfigurationWithAVeryLongName do
  defstruct [:a, :b, :ok?, :learning_rate, :"foo bar", :options]
end

defmodule Judge do
  def answer("format", source), do: source |> Code.format_string!() |> IO.iodata_to_binary()
  def answer("value", source), do: source |> evaluate() |> show()
  def answer("json", source), do: source |> evaluate() |> json() |> IO.iodata_to_binary()

  def answer("length", source) do
    source |> String.split("\n") |> Enum.map_join(" ", &Integer.to_string(String.length(&1)))
  end

  defp evaluate(source) do
    nested = %{id: "m", zero: 0, no: false, yes: true, none: nil, text: "", list: []}
    training = Map.put(nested, :model_ref, nested)

    {value, _} =
      Code.eval_string(source, training_config: training, options: %{known: 7, none: nil})

    value
  end

  # Every type has a letter, floats are shown by their bits, text by its bytes.
  def show(nil), do: "n"
  def show(value) when is_boolean(value), do: "b#{value}"
  def show(value) when is_integer(value), do: "i#{value}"
  def show(value) when is_float(value), do: "f" <> Base.encode16(<<value::float>>)
  def show(value) when is_binary(value), do: "s" <> Base.encode16(value)
  def show(value) when is_atom(value), do: "a" <> Base.encode16(Atom.to_string(value))
  def show(%DateTime{} = value), do: "t" <> DateTime.to_iso8601(value)
  def show(value) when is_list(value), do: "[" <> Enum.map_join(value, ",", &show/1) <> "]"
  def show({key, value}), do: "(" <> show_key(key) <> "," <> show(value) <> ")"
  def show(%module{} = value), do: "r" <> show(module) <> show(Map.from_struct(value))

  def show(%{} = value) do
    shown = for {key, entry} <- value, do: show_key(key) <> ":" <> show(entry)
    "{" <> Enum.join(Enum.sort(shown), ",") <> "}"
  end

  # `nil`, `true` and `false` are names like others where they are keys.
  defp show_key(key) when is_atom(key), do: "a" <> Base.encode16(Atom.to_string(key))
  defp show_key(key), do: show(key)

  def json(nil), do: "null"
  def json(value) when is_boolean(value), do: Atom.to_string(value)
  def json(value) when is_integer(value), do: Integer.to_string(value)
  def json(value) when is_float(value), do: :erlang.float_to_binary(value, [:short])
  def json(value) when is_atom(value), do: json(Atom.to_string(value))
  def json(value) when is_binary(value), do: [?", for(<<c::utf8 <- value>>, do: escape(c)), ?"]
  def json(%DateTime{} = value), do: json(DateTime.to_iso8601(value))
  def json([{_, _} | _] = keywords), do: json(Map.new(keywords))

  def json(value) when is_list(value),
    do: [?[, Enum.intersperse(Enum.map(value, &json/1), ?,), ?]]

  def json(%_{} = value), do: json(Map.from_struct(value))

  def json(%{} = value) do
    entries = value |> Enum.map(fn {key, entry} -> {to_string_key(key), entry} end) |> Enum.sort()
    entries = for {key, entry} <- entries, do: [json(key), ?:, json(entry)]
    [?{, Enum.intersperse(entries, ?,), ?}]
  end

  defp to_string_key(key) when is_atom(key), do: Atom.to_string(key)
  defp to_string_key(key), do: key

  defp escape(?"), do: "\\\""
  defp escape(?\\), do: "\\\\"
  defp escape(?\b), do: "\\b"
  defp escape(?\t), do: "\\t"
  defp escape(?\n), do: "\\n"
  defp escape(?\f), do: "\\f"
  defp escape(?\r), do: "\\r"
  defp escape(c) when c < 0x20, do: "\\u" <> String.pad_leading(Integer.to_string(c, 16), 4, "0")
  defp escape(c), do: <<c::utf8>>
end

[cases, answers] = System.argv()

judged =
  cases
  |> File.stream!()
  |> Enum.map(fn line ->
    [kind, source] = line |> String.trim_trailing("\n") |> String.split("\t")
    source = Base.decode64!(source)

    answer =
      try do
        Judge.answer(kind, source)
      rescue
        error -> "ERROR " <> Exception.message(error)
      end

    [Base.encode64(answer), ?\n]
  end)

File.write!(answers, judged)
