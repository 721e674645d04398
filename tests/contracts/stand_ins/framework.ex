defmodule Crucible.Context do
  defstruct experiment: nil, metrics: %{}, artifacts: %{}
end

defmodule Crucible.Stage do
  @callback run(context :: %Crucible.Context{}, opts :: map()) :: {:ok, term()} | {:error, term()}
  @callback describe(opts :: map()) :: map()
end
