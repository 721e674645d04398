# elixir project.exs QUESTIONS ANSWERS
#
# QUESTIONS is an Elixir file that gives a map: `standins`, `sources` (files to compile), `formatted` (files that
# must be fixed points of the formatter) and `asked`, a list of `{key, expression}`. ANSWERS gets a line for each
# warning, each file that the formatter changes, and each expression: kind, key and text, the latter two in Base64.
# Where the expression raises, the text is the exception.

[questions, answers] = System.argv()
{questions, _} = Code.eval_file(questions)
output = File.open!(answers, [:write])

say = fn kind, key, text ->
  IO.binwrite(output, [kind, ?\t, Base.encode64(key), ?\t, Base.encode64(text), ?\n])
end

Code.put_compiler_option(:ignore_module_conflict, false)

compile = fn files ->
  {result, found, warnings} =
    case Kernel.ParallelCompiler.compile(files) do
      {:ok, _modules, warnings} -> {:ok, [], warnings}
      {:error, errors, warnings} -> {:error, errors, warnings}
    end

  for {file, place, message} <- found ++ warnings do
    say.("warning", "#{file}:#{inspect(place)}", message)
  end

  result
end

with :ok <- compile.(questions.standins), do: compile.(questions.sources)

for file <- questions.formatted do
  text = File.read!(file)

  try do
    formatted = IO.iodata_to_binary([Code.format_string!(text), ?\n])
    if formatted != text, do: say.("format", file, formatted)
  rescue
    error -> say.("format", file, Exception.message(error))
  end
end

for {key, expression} <- questions.asked do
  try do
    {value, _} = Code.eval_string(expression)
    say.("value", key, value)
  rescue
    error -> say.("raised", key, inspect(error))
  end
end

File.close(output)
