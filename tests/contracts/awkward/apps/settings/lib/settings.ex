defmodule Settings do
  @moduledoc false

  defmodule Deep do
    defmodule Deeper do
      @levels Enum.map(1..3, &(&1 * &1))
      @enforce_keys [:size]
      @type level :: 1..9
      @type t :: %__MODULE__{
              size: :small | :large | {:custom, pos_integer()},
              levels: [level()],
              ratio: float() | nil,
              inner: Settings.Deep.Other.t() | map() | nil,
              notes: %{optional(String.t()) => term()}
            }
      defstruct [:size, levels: @levels, ratio: 1 / 8, inner: nil, notes: Map.new(~w(a b), &{&1, String.upcase(&1)})]

      def new(options), do: options |> Map.new() |> build()
      defp build(options), do: struct!(__MODULE__, options)
    end

    defmodule Other do
      @type t :: %__MODULE__{name: atom() | String.t(), at: DateTime.t() | nil}
      defstruct name: :none, at: nil
    end
  end
end

defmodule Settings.Reader do
  @moduledoc false
  def read(options), do: Settings.Deep.Deeper.new(options)
end
