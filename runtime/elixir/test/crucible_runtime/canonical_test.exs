defmodule CrucibleRuntime.CanonicalTest do
  use ExUnit.Case, async: true
  doctest CrucibleRuntime.Canonical

  alias CrucibleRuntime.Canonical

  @compile {:no_warn_undefined, Jason}

  test "sorts keys by their bytes, at every depth" do
    assert Canonical.encode(%{b: 1, B: 2, a: [%{d: 1, c: 2}]}) ==
             ~s({"B":2,"a":[{"c":2,"d":1}],"b":1})
  end

  test "writes every field of a struct" do
    assert Canonical.encode(%CrucibleIR.BackendRef{id: :tinker}) ==
             ~s({"deployment_id":null,"endpoint_url":null,"fallback":null,"id":"tinker",) <>
               ~s("model_version":null,"options":null,"profile":"default"})
  end

  test "writes a module by its full name, a keyword list as an object, an empty list as a list" do
    assert Canonical.encode([String, [b: 1, a: []]]) ==
             ~s(["Elixir.String",{"a":[],"b":1}])
  end

  test "writes floats with the fewest digits that say the same" do
    for {float, text} <- [
          {2.0e-4, "0.0002"},
          {1.5e-4, "1.5e-4"},
          {5.0e-5, "5.0e-5"},
          {1.0e5, "1.0e5"},
          {123_456.0, "123456.0"},
          {100.0, "100.0"},
          {-0.0, "-0.0"},
          {9_007_199_254_740_992.0, "9.007199254740992e15"}
        ] do
      assert Canonical.encode(float) == text
    end
  end

  test "escapes quotes, backslashes and control characters, and nothing else" do
    assert Canonical.encode("\"\\/\b\t\n\f\r\x01\x1Fé\u{2028}😀") ==
             ~S("\"\\/\b\t\n\f\r\u0001\u001Fé) <> "\u{2028}😀\""
  end

  test "raises for what JSON cannot say" do
    for term <- [{1, 2}, self(), fn -> 1 end, <<255>>] do
      assert_raise ArgumentError, fn -> Canonical.encode(term) end
    end
  end

  test "agrees with Jason" do
    for term <-
          Enum.map(0..0x2FF, &<<&1::utf8>>) ++
            [nil, true, -1, 0.1, 1.0e22, 4.9e-324, ~D[2024-01-01]] do
      if Code.ensure_loaded?(Jason), do: assert(Canonical.encode(term) == Jason.encode!(term))
      assert is_binary(Canonical.encode(term))
    end
  end
end
