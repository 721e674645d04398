defmodule CrucibleRuntime.Supervisor do
  @moduledoc """
  Keeps the process that runs need: it owns what is remembered of their training clients.

  A long-lived application starts it in its own supervision tree:

      children = [CrucibleRuntime.Supervisor]

  Where nobody did, the first run starts it. It then belongs to no other process, so that neither
  the end of that run nor that of its caller takes it from other runs.
  """

  use Supervisor

  alias CrucibleRuntime.Run.Memory

  @doc "Starts the supervisor under its own name, linked to the caller."
  @spec start_link(term()) :: Supervisor.on_start()
  def start_link(_options \\ []), do: Supervisor.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "Starts the supervisor if it does not run, linked to nobody."
  @spec ensure_started() :: :ok
  def ensure_started do
    if is_nil(Process.whereis(Memory)) do
      start()
      # Where another process starts it right now: it answers when its children run.
      _counts = Supervisor.count_children(__MODULE__)
    end

    :ok
  end

  # The process that starts a supervisor is its parent: one of its own, which ends right away.
  defp start do
    {pid, monitor} =
      spawn_monitor(fn ->
        with {:ok, supervisor} <- start_link(), do: Process.unlink(supervisor)
      end)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> :ok
    end
  end

  @impl true
  def init(_options), do: Supervisor.init([Memory], strategy: :one_for_one)
end
