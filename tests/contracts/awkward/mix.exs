defmodule Awkward.MixProject do
  use Mix.Project

  def project, do: [apps_path: "apps", version: "0.0.1", deps: []]
end
