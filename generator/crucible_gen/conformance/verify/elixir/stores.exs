defmodule Verify.Repo do
  @moduledoc """
  The functions of an Ecto repo that the registry calls, in memory.

  A row goes through the schema's own types on its way in, as a database would make it.
  """

  use Agent

  def start, do: Agent.start_link(fn -> [] end, name: __MODULE__)
  def reset, do: Agent.update(__MODULE__, fn _ -> [] end)

  def all(schema) when is_atom(schema), do: Agent.get(__MODULE__, &Enum.filter(&1, fn row -> row.__struct__ == schema end))
  def all(_query), do: []
  def one(_query), do: nil
  def get(schema, id), do: get_by(schema, id: id)
  def get!(schema, id), do: get(schema, id) || raise(ArgumentError, "there is no #{inspect(schema)} #{inspect(id)}")
  def get_by(schema, clauses), do: Enum.find(all(schema), fn row -> Enum.all?(clauses, fn {key, value} -> Map.get(row, key) == value end) end)
  def preload(row, _), do: row

  def insert(changeset, _opts \\ []), do: put(changeset, &%{&1 | id: System.unique_integer([:positive])})
  def update(changeset, _opts \\ []), do: put(changeset, & &1)

  def insert!(changeset, opts \\ []) do
    case insert(changeset, opts) do
      {:ok, row} -> row
      {:error, changeset} -> raise ArgumentError, "the row is not valid: #{inspect(changeset.errors)}"
    end
  end

  def transaction(fun, _opts \\ []) do
    {:ok, fun.()}
  catch
    {:rollback, reason} -> {:error, reason}
  end

  def rollback(reason), do: throw({:rollback, reason})

  defp put(%{valid?: false} = changeset, _change), do: {:error, changeset}

  defp put(changeset, change) do
    row = Module.concat(["Ecto", "Changeset"]).apply_changes(changeset)
    for field <- row.__struct__.__schema__(:fields), do: dump(row, field)
    row = change.(row)
    Agent.update(__MODULE__, fn rows -> [row | Enum.reject(rows, &(&1.__struct__ == row.__struct__ and &1.id == row.id))] end)
    {:ok, row}
  end

  defp dump(row, field) do
    type = row.__struct__.__schema__(:type, field)

    case Module.concat(["Ecto", "Type"]).dump(type, Map.get(row, field)) do
      {:ok, _} -> :ok
      _ -> raise ArgumentError, "the column #{field} takes no #{inspect(Map.get(row, field))}"
    end
  end
end

defmodule Verify.Target do
  @moduledoc "A deployment target in memory, in place of the recipe's, which a later release may really call."

  def deploy(_config), do: {:ok, "verify"}
  def update(_id, _config), do: :ok
  def terminate(_id), do: :ok
  def get_metrics(_id), do: {:ok, %{}}
  def set_traffic_weight(_id, _weight), do: :ok

  def health_check(_id) do
    {:ok, %{status: :healthy, latency_p50: 1.0, latency_p99: 1.0, error_rate: 0.0, requests_per_second: 1.0}}
  end
end

defmodule Verify.Stores do
  @moduledoc "Puts what Register, Deploy and the feedback stages reach outside of themselves in memory."

  @doc "Prepares those of `packages` that are here; returns a reason for each whose stages cannot be run."
  @spec prepare([String.t()]) :: %{String.t() => String.t()}
  def prepare(packages) do
    {:ok, _} = Verify.Repo.start()
    Application.put_env(:crucible_model_registry, :repo, Verify.Repo)
    Application.put_env(:crucible_feedback, :export, output_dir: Path.expand("exports"))

    for {package, prepare} <- [{"crucible_deployment", &deployment/0}, {"crucible_feedback", &feedback/0}],
        package in packages,
        {:error, reason} <- [prepare.()],
        into: %{},
        do: {package, reason}
  end

  # The one application that is started: the stage calls its supervisors.
  defp deployment do
    if Code.ensure_loaded?(Module.concat(["CrucibleDeployment"])) do
      case Application.ensure_all_started(:crucible_deployment) do
        {:ok, _} -> :ok
        {:error, {app, reason}} -> {:error, "the application #{app} does not start: #{inspect(reason)}"}
      end
    else
      :ok
    end
  end

  defp feedback do
    memory = Module.concat(["CrucibleFeedback", "Storage", "Memory"])

    cond do
      not Code.ensure_loaded?(Module.concat(["CrucibleFeedback"])) -> :ok
      not Code.ensure_loaded?(memory) -> {:error, "this release has no storage in memory"}
      true -> started(memory)
    end
  end

  defp started(memory) do
    Application.put_env(:crucible_feedback, :storage, memory)

    case memory.start_link([]) do
      {:ok, _} -> :ok
      {:error, {:already_started, _}} -> :ok
      {:error, reason} -> {:error, "its storage in memory does not start: #{inspect(reason)}"}
    end
  end
end
