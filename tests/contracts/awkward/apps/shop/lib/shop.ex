defmodule Crucible.Stage do
  @moduledoc false
  @callback run(context :: term(), opts :: term()) :: {:ok, term()} | {:error, term()}
  @callback describe(opts :: term()) :: map()
  @optional_callbacks describe: 1
end

defmodule Shop.Crashing do
  @moduledoc false
  use Application
  @impl true
  def start(_, _), do: raise("this application does not start")
end

defmodule Shop.TwoModulesAway do
  @moduledoc false
  @behaviour Crucible.Stage
  @impl true
  def describe(_), do: %{name: :away, description: "Far", required: [:size], optional: [:ratio, :colour], types: %{size: {:enum, [:small, :large]}}}
  @impl true
  def run(context, options) do
    IO.puts("nobody must see this")
    {client, options} = Map.pop(options, :client)
    {:ok, {context, client, Settings.Reader.read(options)}}
  end
end

defmodule Shop.Silent do
  @moduledoc false
  @behaviour Crucible.Stage
  @impl true
  def run(context, %{first: first} = options), do: {:ok, {context, first, options.second, Map.get(options, :third, [:a, 1])}}
end

defmodule Shop.Raising do
  @moduledoc false
  @behaviour Crucible.Stage
  @impl true
  def describe(_), do: raise(ArgumentError, "no idea")
  @impl true
  def run(context, options), do: {:ok, {context, Keyword.validate!(options, [:depth, width: 3])}}
end

defmodule Shop.Printing do
  @moduledoc false
  @behaviour Crucible.Stage
  @impl true
  def describe(options) do
    IO.puts("{\"not\": \"ours\"}")
    %{name: :printing, description: nil, required: [], optional: [:any | Keyword.keys(options)], types: %{any: fn x -> x end}}
  end

  @impl true
  def run(context, options), do: apply(Shop.Elsewhere, :go, [context, options])
end

defmodule Shop.Elsewhere do
  @moduledoc false
  def go(context, options), do: {:ok, Enum.reduce(options, %Settings.Deep.Other{}, fn {key, value}, all -> Map.replace!(all, key, context || value) end)}
end

defmodule Shop.Hidden do
  @moduledoc false
  @behaviour Crucible.Stage
  @impl true
  def describe(_), do: :nothing
  @impl true
  def run(_context, options), do: {:ok, send(self(), {:options, options})}
end
