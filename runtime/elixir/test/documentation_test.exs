defmodule CrucibleRuntime.DocumentationTest do
  use ExUnit.Case, async: true

  {:ok, modules} = :application.get_key(:crucible_runtime, :modules)
  @modules Enum.filter(modules, &match?(["CrucibleRuntime" | _], Module.split(&1)))

  for module <- @modules do
    describe inspect(module) do
      @describetag subject: module

      test "has a @moduledoc", %{subject: module} do
        assert {:docs_v1, _, :elixir, _, %{"en" => _text}, _, _} = Code.fetch_docs(module)
      end

      test "has a @doc and a @spec on each public function", %{subject: module} do
        {:docs_v1, _, _, _, _, _, docs} = Code.fetch_docs(module)
        {:ok, specs} = Code.Typespec.fetch_specs(module)
        specified = for {name_and_arity, _spec} <- specs, do: name_and_arity

        for {{:function, name, arity}, _, _, doc, _} <- docs,
            doc != :hidden and name != :child_spec do
          assert %{"en" => _text} = doc, "#{name}/#{arity} has no @doc"
          assert {name, arity} in specified, "#{name}/#{arity} has no @spec"
        end
      end
    end
  end

  test "every module of the library is looked at" do
    files = Path.wildcard(Path.expand("../lib/**/*.ex", __DIR__))
    assert files != [] and length(@modules) >= length(files)
  end
end
