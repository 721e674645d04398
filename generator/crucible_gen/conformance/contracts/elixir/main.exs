# Run as: elixir -r write.exs -r structs.exs -r flow.exs -r find.exs main.exs OUT ARGUMENTS...
#
#   --path DIR        a directory of compiled modules (repeatable)
#   --mix DIR         a Mix project; the directories that it compiles to are found through its mix.exs
#   --package NAME    a package to describe even if it holds no stage (repeatable)
#   --stage MODULE    a module that is a stage, whatever it looks like (repeatable)
#   --all             describe every package
#
# The response is JSON in the file OUT, so that nothing that a package prints can end up in it.

defmodule Introspect.Project do
  @moduledoc "Finds the compiled modules of a Mix project. Evaluates mix.exs; compiles, writes and starts nothing."

  @spec build(Path.t()) :: {:ok, Path.t(), %{String.t() => Path.t()}} | {:error, String.t()}
  def build(dir) do
    if not Code.ensure_loaded?(Mix), do: :code.add_patha(:filename.join([:code.lib_dir(:elixir), "..", "mix", "ebin"]))
    Mix.start()
    if env = System.get_env("MIX_ENV"), do: Mix.env(String.to_atom(env))

    File.cd!(dir, fn ->
      Code.compile_file("mix.exs")
      project = Mix.Project.get!()
      config = Mix.Project.config()
      apps = Mix.Project.apps_paths() || %{config[:app] => "."}
      apps = for {app, path} <- apps, project, into: %{}, do: {to_string(app), Path.expand(path)}
      {:ok, Path.expand(Mix.Project.build_path(config)), apps}
    end)
  rescue
    error -> {:error, "#{inspect(error.__struct__)}: #{Exception.message(error)}"}
  catch
    kind, reason -> {:error, "#{kind} #{inspect(reason)}"}
  end
end

[out | arguments] = System.argv()

{flags, _, _} =
  OptionParser.parse(arguments,
    strict: [path: :keep, mix: :string, build: :string, package: :keep, stage: :keep, all: :boolean]
  )

values = fn name -> for {^name, value} <- flags, do: value end

{build, apps, error} =
  case flags[:mix] && Introspect.Project.build(flags[:mix]) do
    nil -> {nil, %{}, nil}
    {:ok, build, apps} -> {flags[:build] || build, apps, nil}
    {:error, reason} -> {flags[:build] || Path.join(flags[:mix], "_build/dev"), %{}, reason}
  end

dirs = values.(:path) ++ if build, do: [build, "lib", "*", "ebin"] |> Path.join() |> Path.wildcard() |> Enum.sort(), else: []
dirs = dirs |> Enum.map(&Path.expand/1) |> Enum.uniq()
for dir <- dirs, do: Code.append_path(dir)

wanted = MapSet.new(values.(:package) ++ Map.keys(apps))
stages = for name <- values.(:stage), into: MapSet.new(), do: Module.concat([name])
compiled = for dir <- dirs, do: dir |> Path.dirname() |> Path.basename()

response = %{
  elixir: System.version(),
  build: build,
  mix_error: error,
  apps: apps,
  not_compiled: if(build, do: Map.keys(apps) -- compiled, else: []),
  dirs: dirs,
  packages: Introspect.Find.packages(dirs, wanted, stages, flags[:all] || false)
}

File.write!(out, Introspect.JSON.encode(response))
