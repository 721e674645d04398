if Code.ensure_loaded?(CrucibleFramework) and Code.ensure_loaded?(CrucibleTrain.Ports) do
  defmodule CrucibleRuntime.RunTest do
    use ExUnit.Case, async: true
    import ExUnit.CaptureLog

    alias CrucibleRuntime, as: Runtime
    alias CrucibleRuntime.Recipe

    alias CrucibleIR.{BackendRef, DatasetRef, Experiment, ModelRef, StageDef, Training}
    alias CrucibleTrain.Types.ModelInput

    defmodule Batches do
      @moduledoc "A dataset of that many batches."
      defstruct count: 3

      def length(batches), do: batches.count
      def get_batch(_batches, index), do: [index]
      def set_epoch(batches, _epoch), do: batches
    end

    defmodule Trainer do
      @moduledoc "A training client that tells the test what it is asked, and fails as told."

      def start_session(opts, config), do: answer(opts, :start_session, config, {:ok, :session})

      def forward_backward(opts, _, datums, _),
        do: answer(opts, :forward_backward, datums, :future)

      def forward_backward_custom(opts, s, datums, _, kw),
        do: forward_backward(opts, s, datums, kw)

      def optim_step(opts, _, rate), do: answer(opts, :optim_step, rate, {:ok, :future})
      def await(opts, _future), do: answer(opts, :await, nil, {:ok, %{metrics: %{"loss" => 0.5}}})
      def save_checkpoint(opts, _, path), do: answer(opts, :save_checkpoint, path, :ok)
      def load_checkpoint(opts, _, path), do: answer(opts, :load_checkpoint, path, :ok)
      def close_session(opts, _), do: answer(opts, :close_session, nil, :ok)

      defp answer(opts, function, argument, answer) do
        count =
          Agent.get_and_update(
            opts[:calls],
            &{&1[function] || 0, Map.update(&1, function, 1, fn n -> n + 1 end)}
          )

        send(opts[:test], {function, argument})

        case opts[:fail] do
          {^function, ^count, :raise} -> raise "no power"
          {^function, ^count, :exit} -> exit(:no_power)
          {^function, ^count, :hang} -> Process.sleep(:infinity)
          {^function, ^count, :error} -> {:error, :no_power}
          _ -> answer
        end
      end
    end

    defmodule Direct do
      @moduledoc "A training client that is a struct, not a port."
      defstruct [:fail]

      def forward_backward(%{fail: fail}, [fail]), do: {:error, :no_power}

      def forward_backward(_, _),
        do: {:ok, Task.async(fn -> {:ok, %{metrics: %{"loss" => 0.5}}} end)}

      def optim_step(_, _), do: Task.async(fn -> {:ok, %{}} end)
    end

    defmodule Sampler do
      @moduledoc "A sampling client that answers the same to everybody."
      defstruct [:text, refuse: "fail"]

      def sample(%{text: nil}, _input, _params), do: {:error, :no_power}

      def sample(%{text: text, refuse: refuse}, input, _params) do
        prompt = input |> ModelInput.all_tokens() |> to_string()
        sequence = %{text: text, stop_reason: "stop"}
        if prompt =~ refuse, do: {:error, :no_power}, else: {:ok, %{sequences: [sequence]}}
      end
    end

    defmodule Sequel do
      @moduledoc "A stage that tells the test that it ran."
      def run(context, options), do: {send(options[:test], :ok), context}
    end

    defmodule Example do
      @behaviour Recipe

      alias CrucibleRuntime.RunTest.Sequel

      defmodule Config do
        defstruct [:ports, :train_dataset, :training_client, :log_path, training_config: %{}]
      end

      @impl true
      def name, do: "example"
      @impl true
      def description, do: "An example."
      @impl true
      def config_schema, do: Config
      @impl true
      def default_config, do: Map.from_struct(%Config{})
      @impl true
      def needs, do: [:ports, :train_dataset]
      @impl true
      def evaluation, do: Process.get(:evaluation)

      @impl true
      def training_config(overrides \\ %{}) do
        Recipe.override!(
          %Training.Config{
            id: :example,
            model_ref: %ModelRef{id: "a/model"},
            dataset_ref: %DatasetRef{name: "a/dataset"},
            learning_rate: 0.5
          },
          overrides,
          :supervised
        )
      end

      @impl true
      def build_spec(config \\ %{}) do
        config = Recipe.config!(Config, config)
        training_config = training_config(config.training_config)

        %Experiment{
          id: :example,
          backend: %BackendRef{id: :tinker},
          pipeline: [
            %StageDef{
              name: :supervised_train,
              module: Process.get(:module, CrucibleTrain.Stages.SupervisedTrain),
              options: %{
                training_config: training_config,
                ports: config.ports,
                train_dataset: config.train_dataset,
                training_client: config.training_client,
                log_path: config.log_path,
                num_epochs: training_config.epochs,
                learning_rate: training_config.learning_rate,
                lr_schedule: :constant
              }
            },
            %StageDef{name: :sequel, module: Sequel, options: [test: self()]}
          ],
          training_config: training_config
        }
      end
    end

    setup do
      calls = start_supervised!({Agent, fn -> %{} end})
      %{client: [test: self(), calls: calls]}
    end

    defp run(client, opts \\ []) do
      ports = [training_client: {Trainer, client}]
      opts = Keyword.merge([ports: ports, train_dataset: %Batches{}], opts)
      {config, opts} = Keyword.pop(opts, :config, %{})
      {result, _log} = with_log(fn -> Runtime.run(Example, config, opts) end)
      result
    end

    defp rates(rates \\ []) do
      receive do
        {:optim_step, rate} -> rates([rate | rates])
      after
        0 -> Enum.reverse(rates)
      end
    end

    test "trains as the recipe says, and as the caller overrides it", %{client: client} do
      assert {:ok, %{context: context, evaluation: []}} = run(client)
      assert context.metrics["loss"] == 0.5
      assert context.assigns.completed_stages == [:supervised_train, :sequel]
      assert_received {:start_session, config}
      assert config == Example.training_config()
      assert rates() == [0.5, 0.5, 0.5]
      assert_received {:close_session, nil}

      assert {:ok, _} = run(client, config: %{training_config: %{epochs: 2, learning_rate: 0.25}})
      assert rates() == List.duplicate(0.25, 6)
    end

    test "takes live values from the configuration, and hands the runner its options", %{
      client: client
    } do
      ports = CrucibleTrain.Ports.new(ports: %{training_client: {Trainer, client}})
      config = %Example.Config{ports: ports, train_dataset: %Batches{count: 1}}

      assert {:ok, %{context: context}} =
               run(client,
                 config: config,
                 ports: nil,
                 train_dataset: nil,
                 run_id: "7",
                 assigns: %{a: 1}
               )

      assert %{run_id: "7", assigns: %{a: 1}} = context
      assert [%{options: %{ports: ^ports}}, _] = context.experiment.pipeline
      assert rates() == [0.5]
    end

    test "writes config.json although the adapter's options hold a process", %{client: client} do
      log_path =
        Path.join(System.tmp_dir!(), "crucible_recipes_#{System.unique_integer([:positive])}")

      on_exit(fn -> File.rm_rf!(log_path) end)
      assert {:ok, _} = run(client, log_path: log_path)
      assert File.exists?(Path.join(log_path, "config.json"))
    end

    for function <- [:forward_backward, :optim_step, :await],
        step <- 0..2,
        how <- [:error, :raise, :exit] do
      test "a client whose #{function} fails at call #{step} with #{how} is no success", %{
        client: client
      } do
        result = run(client ++ [fail: {unquote(function), unquote(step), unquote(how)}])
        assert {:error, {:supervised_train, reason, context}} = result

        case unquote(how) do
          :error ->
            assert reason == :no_power

          :raise ->
            assert {%RuntimeError{message: "no power"}, [{Trainer, :answer, _, _} | _]} = reason

          :exit ->
            assert {{:exit, :no_power}, [{Trainer, :answer, _, _} | _]} = reason
        end

        assert is_nil(context) == (unquote(how) != :error)
        refute_received :ok
      end
    end

    test "a client that cannot start is no success", %{client: client} do
      assert {:error, {:supervised_train, :no_power, %{}}} =
               run(client ++ [fail: {:start_session, 0, :error}])

      assert {:error, {:supervised_train, :no_power, %{}}} =
               run(client ++ [fail: {:close_session, 0, :error}])
    end

    test "a training that takes no step is no success", %{client: client} do
      assert {:error, {:supervised_train, :no_training_step, %{}}} =
               run(client, train_dataset: %Batches{count: 0})
    end

    test "an open session and a struct are watched like ports", %{client: client} do
      failing =
        CrucibleTrain.Ports.new(
          ports: [training_client: {Trainer, client ++ [fail: {:await, 0, :error}]}]
        )

      assert {:error, {_, :no_power, _}} =
               run(client, ports: nil, training_client: {failing, :session})

      assert {:ok, _} = run(client, ports: nil, training_client: %Direct{})

      assert {:error, {_, :no_power, %{}}} =
               run(client, ports: nil, training_client: %Direct{fail: 1})
    end

    test "runs at one time know nothing of each other", %{client: client} do
      runs =
        for fail <- [{:forward_backward, 0, :error}, nil, {:optim_step, 2, :error}, nil] do
          calls = start_supervised!({Agent, fn -> %{} end}, id: make_ref())
          Task.async(fn -> run(Keyword.merge(client, calls: calls, fail: fail)) end)
        end

      assert [{:error, _}, {:ok, _}, {:error, _}, {:ok, _}] = Task.await_many(runs)
    end

    test "a run whose process is killed is forgotten, and takes nothing with it", %{
      client: client
    } do
      hangs = client ++ [fail: {:forward_backward, 0, :hang}]
      {pid, monitor} = spawn_monitor(fn -> run(hangs) end)
      assert_receive {:forward_backward, _}
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
      assert {:ok, _} = run(client)
    end

    test "nothing starts without the values that it needs", %{client: client} do
      assert Runtime.run(Example) == {:error, {:missing_values, [:ports, :train_dataset]}}
      assert run(client, train_dataset: nil) == {:error, {:missing_values, [:train_dataset]}}

      Process.put(:evaluation, %{
        tasks: [%{name: "a", scorer: :contains, dataset: %DatasetRef{name: "b"}}]
      })

      missing =
        if Code.ensure_loaded?(TinkexCookbook.Eval.Runner),
          do: {:missing_values, [:sampling_client, :dataset_store]},
          else:
            {:preflight,
             [
               missing_packages: [:tinkex_cookbook],
               missing_values: [:sampling_client, :dataset_store]
             ]}

      assert run(client) == {:error, missing}
      refute_received {:start_session, _}
    end

    test "nothing starts without the packages that it needs", %{client: client} do
      Process.put(:module, CrucibleModelRegistry.No.Such.Stage)
      assert run(client) == {:error, {:missing_packages, [CrucibleModelRegistry.No.Such.Stage]}}
    end

    test "nothing starts with no epochs, which would run two", %{client: client} do
      config = %{Example.training_config() | epochs: 0}

      assert run(client, config: [training_config: config]) ==
               {:error, {:invalid_options, [num_epochs: 0]}}

      refute_received {:start_session, _}
    end

    test "what does not exist is named", %{client: client} do
      assert Runtime.run("no_recipe") == {:error, {:unknown_recipe, "no_recipe"}}
      assert Runtime.run(NoRecipe) == {:error, {:unknown_recipe, NoRecipe}}
      assert_raise ArgumentError, ~r/:no_option/, fn -> run(client, no_option: 1) end
      assert_raise KeyError, ~r/:no_key/, fn -> run(client, config: %{no_key: 1}) end
      assert_raise KeyError, ~r/:no_port/, fn -> run(client, ports: [no_port: Trainer]) end
    end

    if Code.ensure_loaded?(TinkexCookbook.Eval.Runner) do
      defmodule Store do
        @moduledoc "A dataset store with one dataset."
        def load_dataset(_, "a/dataset", split: :test),
          do: {:ok, [%{"q" => "2 + 2", "a" => "Two and two.\n#### 4"}, %{"q" => "1", "a" => 1}]}

        def get_split(_, data, _), do: {:ok, data}
        def shuffle(_, data, _), do: {:ok, data}
        def take(_, data, count), do: {:ok, Enum.take(data, count)}
        def skip(_, data, count), do: {:ok, Enum.drop(data, count)}
        def select(_, data, _), do: {:ok, data}
        def to_list(_, data), do: {:ok, data}
      end

      defmodule Port do
        @moduledoc "A sampling port that tells the test what it was asked."
        def start_session(opts, config), do: {:ok, send(opts[:test], {:sampling, config})}
        def sample(opts, _, _, params, _), do: {:ok, send(opts[:test], {:params, params})}
        def sample_stream(_, _, _, _, _), do: {:error, :no_stream}
        def compute_logprobs(_, _, _, _), do: {:error, :no_logprobs}
        def await(opts, _), do: {:ok, %{sequences: [opts[:sequence]]}}

        def close_session(opts, _) do
          send(opts[:test], :closed)
          :ok
        end
      end

      describe "evaluation" do
        setup do
          Process.put(:evaluation, %{
            max_tokens: 64,
            tasks: [
              %{
                name: "contains",
                scorer: :contains,
                samples: [%{id: "1", input: "2 + 2", target: "4"}]
              },
              %{
                name: "exact",
                scorer: :exact_match,
                samples: [%{id: "1", input: "2 + 2", target: "4"}]
              }
            ]
          })

          :ok
        end

        test "each task is scored in its own way", %{client: client} do
          assert {:ok, %{evaluation: [contains, exact]}} =
                   run(client, sampling_client: %Sampler{text: "It is 4."})

          assert %{
                   task: "contains",
                   scorer: :contains,
                   metrics: %{accuracy: 1.0},
                   results: [%{id: "1"}]
                 } = contains

          assert %{task: "exact", scorer: :exact_match, metrics: %{accuracy: +0.0, total: 1}} =
                   exact
        end

        test "a sampling client can be made from the finished run", %{client: client} do
          make = fn context -> %Sampler{text: to_string(context.metrics["loss"])} end

          assert {:ok, %{evaluation: [%{results: [%{output: "0.5"}]}, _]}} =
                   run(client, sampling_client: make)
        end

        test "a task that fails is no success, and the run is not lost", %{client: client} do
          result = run(client, sampling_client: %Sampler{})

          assert {:error, {:evaluation, {"contains", {:every_sample_failed, _}}, context}} =
                   result

          assert context.metrics["loss"] == 0.5
        end

        test "a sample that fails scores nothing, though an empty answer were right", %{
          client: client
        } do
          samples = [
            %{id: "1", input: "fail", target: ""},
            %{id: "2", input: "2 + 2", target: "4"}
          ]

          Process.put(:evaluation, %{tasks: [%{name: "a", scorer: :contains, samples: samples}]})

          assert {:ok, %{evaluation: [task]}} =
                   run(client, sampling_client: %Sampler{text: "4", refuse: "fail"})

          assert %{
                   metrics: %{correct: 1, total: 2},
                   results: [%{score: +0.0, error: _}, %{score: 1.0}]
                 } = task
        end

        test "the evaluation can be left out", %{client: client} do
          assert {:ok, %{evaluation: []}} = run(client, evaluate: false)
        end

        test "a dataset is loaded, and the model asked, through the ports", %{client: client} do
          Process.put(:evaluation, %{
            temperature: 0.0,
            tasks: [
              %{
                name: "dataset",
                scorer: :exact_match,
                dataset: %DatasetRef{name: "a/dataset", split: :test},
                input_column: "q",
                target_column: "a",
                limit: 1
              }
            ]
          })

          ports = fn sequence ->
            [
              training_client: {Trainer, client},
              dataset_store: Store,
              sampling_client: {Port, test: self(), sequence: sequence}
            ]
          end

          assert {:ok, %{evaluation: [task]}} = run(client, ports: ports.(%{text: "4"}))

          assert %{metrics: %{accuracy: 1.0, total: 1}, results: [%{id: "1", input: "2 + 2"}]} =
                   task

          assert_received {:sampling, %Training.Config{}}
          assert_received {:params, %{temperature: +0.0}}
          assert_received :closed

          assert {:error, {:evaluation, {"dataset", {:every_sample_failed, _}}, _}} =
                   run(client, ports: ports.(%{tokens: [4]}))
        end
      end
    end
  end
end
