# A stand-in for the package of this name in tests: a registry whose repo is a list of hashes.
defmodule CrucibleModelRegistry.ConfigHash do
  @moduledoc "Hashes of training configurations."

  def hash_config(config), do: config |> Map.fetch!(:id) |> to_string()
end

defmodule CrucibleModelRegistry do
  @moduledoc "Finds versions by the hashes of their training configurations."

  def find_by_config_hash(hash) do
    case Application.fetch_env!(:crucible_model_registry, :repo) do
      :unreachable -> raise "connection refused"
      hashes -> if hash in hashes, do: {:ok, %{config_hash: hash}}, else: :not_found
    end
  end
end

defmodule CrucibleModelRegistry.Stages.Register do
  @moduledoc "Registers a model."

  def describe(_options),
    do: %{name: :model_register, required: [:model_name], types: %{recipe: :atom}}

  def run(context, _options), do: {:ok, context}
end

defmodule Crucible.Stage.Validator do
  @moduledoc "Holds options to what their stage describes."

  def validate(options, %{types: types}) do
    wrong = for {name, :atom} <- types, is_binary(options[name]), do: "#{name} must be an atom"
    if wrong == [], do: :ok, else: {:error, wrong}
  end
end
