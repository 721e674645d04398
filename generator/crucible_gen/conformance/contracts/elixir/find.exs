defmodule Introspect.Find do
  @moduledoc """
  Describes what each package in directories of compiled modules offers.

  A module is loaded only when its file says that it holds a struct, a stage, ports or callbacks, and nothing of it runs
  but `__struct__`, `describe/1` and `new` of a ports module; no application is started.
  """

  alias Introspect.{Flow, Source, Structs, Types}

  @stage Crucible.Stage
  @patience 5_000

  @doc "Each package of the directories that holds a stage, ports, or is one of `wanted`; all of them if `all`."
  @spec packages([Path.t()], MapSet.t(), MapSet.t(), boolean()) :: [map()]
  def packages(dirs, wanted, stages, all) do
    packages = dirs |> Enum.map(&package/1) |> Enum.reject(&is_nil/1)
    beams = for package <- packages, {module, info} <- package.modules, into: %{}, do: {module, info.path}

    for package <- packages,
        found = Enum.group_by(package.modules, &kind(&1, stages), &elem(&1, 0)),
        all or MapSet.member?(wanted, package.name) or found[:stage] != nil or found[:ports] != nil do
      describe(package, found, beams)
    end
  end

  # A directory of beam files; the package's name and version stand in its .app file.
  defp package(dir) do
    modules =
      for path <- dir |> Path.join("*.beam") |> Path.wildcard() |> Enum.sort(), info = info(path), do: info

    app = dir |> Path.join("*.app") |> Path.wildcard() |> Enum.sort() |> List.first()

    if modules != [] do
      {name, version} = name_and_version(app, dir)
      %{name: name, version: version, dir: dir, modules: modules}
    end
  end

  defp name_and_version(nil, dir) do
    parent = if Path.basename(dir) == "ebin", do: Path.dirname(dir), else: dir
    {Path.basename(parent), "0.0.0"}
  end

  defp name_and_version(app, dir) do
    case :file.consult(String.to_charlist(app)) do
      {:ok, [{:application, name, keys}]} -> {Atom.to_string(name), to_string(Keyword.get(keys, :vsn, "0.0.0"))}
      _ -> name_and_version(nil, dir)
    end
  end

  defp info(path) do
    case :beam_lib.chunks(String.to_charlist(path), [:exports, :attributes]) do
      {:ok, {module, [exports: exports, attributes: attributes]}} ->
        {module, %{path: path, exports: MapSet.new(exports), attributes: attributes}}

      _ ->
        nil
    end
  end

  defp kind({module, info}, stages) do
    exports? = fn name, arity -> MapSet.member?(info.exports, {name, arity}) end
    behaviours = info.attributes |> Keyword.get_values(:behaviour) |> List.flatten()

    cond do
      exports?.(:behaviour_info, 1) -> :behaviour
      exports?.(:run, 2) and (@stage in behaviours or exports?.(:describe, 1) or MapSet.member?(stages, module)) -> :stage
      exports?.(:__struct__, 0) and ports?(module, exports?) -> :ports
      exports?.(:__struct__, 0) and not exports?.(:__schema__, 1) and not exports?.(:exception, 1) -> :struct
      true -> :other
    end
  end

  defp ports?(module, exports?) do
    module |> Atom.to_string() |> String.ends_with?(".Ports") and (exports?.(:new, 0) or exports?.(:new, 1))
  end

  defp describe(package, found, beams) do
    infos = Map.new(package.modules)
    {ports, problems} = ports(found[:ports] || [], found[:behaviour] || [])
    taken = for {_, port} <- ports, into: MapSet.new(), do: port.behaviour

    %{
      package: package.name,
      version: package.version,
      problems: problems,
      structs: each(found[:struct] || [], &Structs.describe/1),
      stages: each(found[:stage] || [], &stage(&1, infos[&1], beams)),
      ports: ports,
      behaviours:
        (found[:behaviour] || [])
        |> Enum.reject(&(MapSet.member?(taken, inspect(&1)) or match?("Elixir." <> _, Atom.to_string(&1)) == false))
        |> Enum.reject(&protocol?/1)
        |> each(&%{callbacks: Types.callbacks(&1)})
    }
  end

  defp each(modules, describe) do
    for module <- modules, loaded?(module), found = describe.(module), into: %{}, do: {inspect(module), found}
  end

  defp loaded?(module), do: match?({:module, _}, Code.ensure_loaded(module))
  defp protocol?(module), do: loaded?(module) and function_exported?(module, :__protocol__, 1)

  # Stages --------------------------------------------------------------------------------------------------------------

  defp stage(module, info, beams) do
    behaviours = info.attributes |> Keyword.get_values(:behaviour) |> List.flatten() |> Enum.map(&Source.name/1)
    described = described(module)
    keys = Map.get(described, :keys, [])

    described
    |> Map.delete(:keys)
    |> Map.merge(options(module, keys, beams))
    |> Map.put(:behaviours, Enum.sort(behaviours))
  end

  # What describe/1 says, or why it says nothing: `missing`, `raises ...`, `timeout`, `not a map`.
  defp described(module) do
    if function_exported?(module, :describe, 1) do
      case guarded(fn -> module.describe(%{}) end, fn -> module.describe([]) end) do
        {:ok, %{} = description} -> described_keys(description)
        {:ok, other} -> %{describe: "answers no map: #{Source.text(other)}"}
        {:error, reason} -> %{describe: reason}
      end
    else
      %{describe: "missing"}
    end
  end

  defp described_keys(description) do
    required = keys(description[:required])
    optional = keys(description[:optional])

    %{
      describe: "ok",
      name: if(description[:name] == nil, do: nil, else: Source.name(description[:name])),
      description: if(is_binary(description[:description]), do: description[:description], else: nil),
      required: Enum.map(required, &Source.name/1),
      optional: Enum.map(optional, &Source.name/1),
      types: texts(description[:types]),
      defaults: texts(description[:defaults]),
      keys: Enum.filter(required ++ optional, &is_atom/1)
    }
  end

  defp keys(list) when is_list(list), do: list
  defp keys(_), do: []

  defp texts(map) when is_map(map) and not is_struct(map) do
    Map.new(map, fn {key, value} -> {Source.name(key), Source.text(value)} end)
  end

  defp texts(list) when is_list(list), do: if(Keyword.keyword?(list), do: texts(Map.new(list)), else: %{})
  defp texts(_), do: %{}

  # Where the options of run/2 go, and which described keys raise: tried on the struct itself.
  defp options(module, described, beams) do
    case Flow.trace(module, beams) do
      nil ->
        %{options_struct: nil, options_read: %{}, unknown_keys: "unknown", raises: [], takes: nil, escapes: ["run/2 has no debug information"]}

      traced ->
        {struct, unknown, refused} = strictness(traced)

        %{
          options_struct: struct,
          options_read: Map.new(traced.reads, fn {key, {default, required}} -> {Source.name(key), %{default: default, required: required}} end),
          unknown_keys: unknown,
          raises: for(key <- described, refused.(key), do: Source.name(key)),
          takes: if(match?([_], traced.kinds), do: hd(traced.kinds)),
          escapes: traced.escapes
        }
    end
  end

  defp strictness(%{struct: {module, mode, only, without}} = traced) do
    if described = loaded?(module) && Structs.describe(module) do
      described = Map.put(described, :module, inspect(module))
      mode = if only != nil and mode == "raise", do: "ignored", else: mode
      refused = fn key -> mode == "raise" and key not in without and Structs.refuses?(module, key) end
      {described, mode, refused}
    else
      strictness(%{traced | struct: nil})
    end
  end

  defp strictness(%{allowed: keys}) when is_list(keys), do: {nil, "raise", &(&1 not in keys)}
  defp strictness(%{escapes: []}), do: {nil, "ignored", fn _ -> false end}
  defp strictness(_), do: {nil, "unknown", fn _ -> false end}

  # Ports ---------------------------------------------------------------------------------------------------------------

  # A ports module names for each port a default adapter, and the adapter names the behaviour that it implements.
  defp ports(modules, behaviours) do
    Enum.reduce(modules, {%{}, []}, fn module, {ports, problems} ->
      with true <- loaded?(module),
           {:ok, %{} = defaults} <- guarded(fn -> module.new() end, fn -> module.new([]) end) do
        found = for {key, {adapter, _} = default} <- Map.from_struct(defaults), is_atom(adapter), into: %{}, do: {key, port(module, key, adapter, default, behaviours)}
        {Map.merge(ports, found), problems}
      else
        {:error, reason} -> {ports, ["#{inspect(module)}.new/0 #{reason}" | problems]}
        _ -> {ports, ["#{inspect(module)}.new/0 makes no ports" | problems]}
      end
    end)
  end

  defp port(ports, key, adapter, default, behaviours) do
    declared = if loaded?(adapter), do: adapter.module_info(:attributes) |> Keyword.get_values(:behaviour) |> List.flatten(), else: []
    behaviour = Enum.find(declared, &(loaded?(&1) and function_exported?(&1, :behaviour_info, 1))) || named(ports, key, behaviours)

    %{
      default_adapter: Source.text(default),
      behaviour: behaviour && inspect(behaviour),
      callbacks: if(behaviour, do: Types.callbacks(behaviour), else: [])
    }
  end

  # Declared by nobody: `llm_client` is for CrucibleTrain.Ports.LLMClient.
  defp named(ports, key, behaviours) do
    wanted = key |> Atom.to_string() |> String.replace("_", "")
    Enum.find(behaviours, &(String.downcase(inspect(&1)) == String.downcase(inspect(ports)) <> "." <> wanted and loaded?(&1)))
  end

  # Code of a package runs in a process of its own, with a limit, and what it prints goes nowhere.
  defp guarded(first, second) do
    case attempt(first) do
      {:error, "raises FunctionClauseError" <> _} -> attempt(second)
      {:error, "raises UndefinedFunctionError" <> _} -> attempt(second)
      other -> other
    end
  end

  defp attempt(work) do
    {:ok, silence} = StringIO.open("")

    task =
      Task.async(fn ->
        Process.group_leader(self(), silence)

        try do
          {:ok, work.()}
        rescue
          error -> {:error, "raises #{inspect(error.__struct__)}: #{error |> Exception.message() |> String.slice(0, 200)}"}
        catch
          kind, reason -> {:error, "#{kind}s #{reason |> inspect() |> String.slice(0, 200)}"}
        end
      end)

    case Task.yield(task, @patience) || Task.shutdown(task, :brutal_kill) do
      {:ok, result} -> result
      _ -> {:error, "does not answer"}
    end
  end
end
