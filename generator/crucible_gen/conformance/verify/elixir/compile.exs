defmodule Verify.Compile do
  @moduledoc """
  Compiles source files into memory, and returns the diagnostics of the compiler.

  What all recipes share is compiled together, then each recipe alone: a file with an error ends its own
  compilation and no other, so that one recipe that is wrong does not hide what is wrong with the next.
  """

  @type diagnostic :: %{file: String.t(), line: non_neg_integer(), text: String.t(), severity: :warning | :error}

  @spec files([Path.t()], [Path.t()]) :: [diagnostic()]
  def files(shared, recipes) do
    Code.compiler_options(ignore_module_conflict: true)
    Enum.flat_map([shared | Enum.map(recipes, &[&1])], &compile/1)
  end

  defp compile(files) do
    case Kernel.ParallelCompiler.compile(files, return_diagnostics: true) do
      {:ok, _modules, warnings} ->
        Enum.map(flat(warnings), &diagnostic(&1, :warning))

      {:error, errors, _warnings} ->
        Enum.map(flat(errors), &diagnostic(&1, :error))
    end
  end

  # A map of lists since Elixir 1.15, a list before.
  defp flat(%{compile_warnings: compile, runtime_warnings: runtime}), do: compile ++ runtime
  defp flat(diagnostics) when is_list(diagnostics), do: diagnostics

  defp diagnostic({file, position, text}, severity), do: at_line(file, position, text, severity)

  defp diagnostic(%{file: file, position: position, message: text}, severity),
    do: at_line(file, position, text, severity)

  defp at_line(file, position, text, severity) do
    line = if is_tuple(position), do: elem(position, 0), else: position
    line = if is_integer(line) and line > 0, do: line, else: 0
    %{file: Path.expand(to_string(file)), line: line, text: to_string(text), severity: severity}
  end
end
