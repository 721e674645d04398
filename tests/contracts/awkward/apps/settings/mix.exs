defmodule Settings.MixProject do
  use Mix.Project

  def project do
    [app: :settings, version: "0.4.2", build_path: "../../_build", deps_path: "../../deps", lockfile: "../../mix.lock"]
  end

  def application, do: [extra_applications: [:logger]]
end
