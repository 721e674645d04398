"""What the settings `elixir.namespace` and `elixir.app` cannot name, because a project would have two of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from crucible_gen.diagnostics import Problem
from crucible_gen.languages.elixir import naming, runtime
from crucible_gen.languages.language import Project

CODES = {
    "E0511": "a module or an application of this name exists already",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STANDARD: Final = _words("""
    Access Agent Application ArgumentError ArithmeticError Atom BadArityError BadBooleanError BadFunctionError
    BadMapError BadStructError Base Behaviour Bitwise Calendar CaseClauseError Code Collectable CondClauseError
    Config Date DateTime Dict Duration DynamicSupervisor EEx Elixir Enum Enumerable ErlangError ExUnit Exception
    File Float Function FunctionClauseError GenEvent GenServer HashDict HashSet IEx IO Inspect Integer JSON
    Kernel KeyError Keyword List Logger Macro Map MapSet MatchError Mix MixProject Module NaiveDateTime Node
    OptionParser PartitionSupervisor Path Port Process Protocol Range Record Regex Registry RuntimeError Set
    Stream String StringIO Supervisor SyntaxError System SystemLimitError Task Time TokenMissingError
    TryClauseError Tuple URI UndefinedFunctionError UnicodeConversionError Version WithClauseError
""")
"""The first segments of the modules of Elixir itself, of releases 1.14 to 1.20."""

_PACKAGES: Final = _words("""
    CAStore Chroma ChzEx Complex Crucible CrucibleBench CrucibleDatasets CrucibleDeployment CrucibleFeedback
    CrucibleFramework CrucibleIR CrucibleModelRegistry CrucibleRuntime CrucibleTelemetry CrucibleTrace
    CrucibleTrain DBConnection Decimal EXLA Ecto EvalEx ExAws ExDoc Explorer Finch Fine Flow GenStage Graph HPAX
    Hex Jason MIME Mint NimbleCSV NimbleOptions NimbleOwnership NimbleParsec NimblePool Nx NxPenalties
    OpenTelemetry Plug Postgrex Protobuf Req RustlerPrecompiled Semaphore Snakepit Statistex SweetXml SweetXpath
    TableRex Telemetry TelemetryMetricsPrometheus Tinkex TinkexCookbook Tokenizers TypedStruct UUID XLA Yamerl
    YamlElixir
""")
"""The first segments of the modules of the packages that generated projects depend on, and of those that these need."""

_APPLICATIONS: Final = _words("""
    asn1 common_test compiler crypto debugger dialyzer diameter edoc eex elixir erts et eunit ex_unit ftp hex iex
    inets kernel logger megaco mix mnesia observer odbc os_mon parsetools public_key reltool runtime_tools sasl
    snmp ssh ssl stdlib syntax_tools tftp tools wx xmerl
    castore chz_ex complex crucible_bench crucible_datasets crucible_framework crucible_ir crucible_runtime
    crucible_telemetry crucible_trace db_connection decimal ecto ecto_sql eval_ex ex_aws ex_doc exla explorer finch
    fine flow gen_stage hpax jason libgraph mime mint nimble_csv nimble_options nimble_ownership nimble_parsec
    nimble_pool nx nx_penalties opentelemetry opentelemetry_api plug postgrex protobuf req rustler_precompiled
    semaphore snakepit statistex sweet_xml table_rex telemetry telemetry_metrics tinkex tinkex_cookbook tokenizers
    typed_struct uuid xla yamerl yaml_elixir
""")
"""The applications of Erlang and of Elixir, of packages that generated projects depend on, and of those these need."""

_ADVICE = "choose a name of your own, such as MyTeam.Recipes and my_team_recipes"


def problems(project: Project) -> list[Problem]:
    """A Problem (E0511) for each name of the settings that something else has, at its place in the settings."""
    found: list[Problem] = []
    for name, value, taken in (
        ("namespace", naming.namespace(project.options), _module(project)),
        ("app", naming.app(project.options), _application(project)),
    ):
        if name in project.options and taken:
            message = f"elixir.{name} cannot be {value}: {taken}"
            found.append(Problem(project.place(name), "E0511", message, hint=_ADVICE))
    return found


def _module(project: Project) -> str:
    """Why the project cannot have the namespace, or an empty string."""
    namespace = naming.namespace(project.options)
    roots = (namespace, naming.runtime(project.options))
    for first in (root.partition(".")[0] for root in roots):
        if first in _STANDARD:
            return f"{first} is a module of Elixir"
        if first in _PACKAGES:
            return f"{first} is the namespace of a dependency"
    for module in _stages(project):
        if any(module == root or module.startswith(f"{root}.") for root in roots):
            return f"the stage {module} is a module there"
    for package in _packages(project):
        if package.replace("_", "") == namespace.lower():
            return f"it is the module of the dependency {package}"
    return ""


def _application(project: Project) -> str:
    """Why the project cannot have the name of the application, or an empty string."""
    app = naming.app(project.options)
    if app in _APPLICATIONS:
        return f"{app} is an application of Erlang, of Elixir or of a dependency"
    if app in _packages(project):
        return f"{app} is a dependency of the generated project"
    return ""


def _stages(project: Project) -> Iterator[str]:
    for stage in project.schemas.stages.values():
        yield stage.info.module


def _packages(project: Project) -> Iterable[str]:
    """The packages of the stages that recipes can have, and that of the runtime."""
    found = {stage.info.package.partition(" ")[0] for stage in project.schemas.stages.values() if stage.info.package}
    return found | {runtime.PACKAGE}
