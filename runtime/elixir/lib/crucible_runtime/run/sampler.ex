defmodule CrucibleRuntime.Run.Sampler do
  @moduledoc """
  The port `CrucibleTrain.Ports.SamplingClient` as the sampling client that
  `TinkexCookbook.Eval.Runner` asks for: a struct whose module has `sample/3`.

  The adapter must answer with text; tokens alone would need a tokenizer, which nobody has here.
  """

  alias CrucibleTrain.Ports.SamplingClient

  @compile {:no_warn_undefined, SamplingClient}

  @enforce_keys [:ports, :session]
  defstruct [:ports, :session]

  @doc "Opens a session of the port, with the training configuration of the run."
  @spec open(struct(), struct()) :: {:ok, struct()} | {:error, term()}
  def open(ports, training_config) do
    with {:ok, session} <- SamplingClient.start_session(ports, training_config) do
      {:ok, %__MODULE__{ports: ports, session: session}}
    end
  end

  @doc "Closes the session of a client from `open/2`; any other client is its owner's."
  @spec close(struct()) :: :ok
  def close(%__MODULE__{ports: ports, session: session}),
    do: SamplingClient.close_session(ports, session)

  def close(_client), do: :ok

  @doc "One answer to `input`, as `%{sequences: [%{text: text, stop_reason: reason}]}`."
  @spec sample(struct(), term(), keyword()) :: {:ok, map()} | {:error, term()}
  def sample(%__MODULE__{ports: ports, session: session}, input, params) do
    with {:ok, future} <- SamplingClient.sample(ports, session, input, Map.new(params)),
         {:ok, %{sequences: [%{text: text} = sequence | _]}} when is_binary(text) <-
           SamplingClient.await(ports, future) do
      {:ok, %{sequences: [%{text: text, stop_reason: Map.get(sequence, :stop_reason) || "stop"}]}}
    else
      {:error, reason} -> {:error, reason}
      {:ok, answer} -> {:error, {:no_text, answer}}
    end
  end
end
