defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: "1.2.3",
      build_path: "../../_build",
      deps_path: "../../deps",
      lockfile: "../../mix.lock",
      deps: [{:settings, in_umbrella: true}]
    ]
  end

  def application, do: [mod: {Shop.Crashing, []}]
end
