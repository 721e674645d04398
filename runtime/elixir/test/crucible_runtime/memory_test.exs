defmodule CrucibleRuntime.MemoryTest do
  use ExUnit.Case

  alias CrucibleRuntime, as: Runtime
  alias CrucibleRuntime.Run.Memory

  setup do
    Runtime.Supervisor.ensure_started()
    %{run: Memory.open()}
  end

  test "sessions and steps are counted, and the first failure stays", %{run: run} do
    key = {run, 0}
    :ok = Memory.put(key, {Trainer, [:option]}, 0)
    assert Memory.client(key) == {Trainer, [:option]}
    assert Memory.failure(key) == nil
    :ok = Memory.count(key, :sessions)
    assert Memory.failure(key) == :no_training_step
    :ok = Memory.count(key, :steps)
    assert Memory.failure(key) == nil
    :ok = Memory.fail(key, :first)
    :ok = Memory.fail(key, :second)
    assert Memory.failure(key) == :first
    assert Memory.failures(run) == [{0, :first}]
  end

  test "a run that is closed is forgotten, and no other one", %{run: run} do
    other = Memory.open()
    for each <- [run, other], do: Memory.fail({each, 0}, :no_power)
    :ok = Memory.close(run)
    assert Memory.open() != run
    assert Memory.failures(run) == []
    assert Memory.failures(other) == [{0, :no_power}]
  end

  test "a run whose process ends is forgotten" do
    {pid, monitor} =
      spawn_monitor(fn ->
        run = Memory.open()
        :ok = Memory.put({run, 0}, {Trainer, []}, 1)
        exit({:run, run})
      end)

    assert_receive {:DOWN, ^monitor, :process, ^pid, {:run, run}}
    _later = Memory.open()
    assert Memory.failure({run, 0}) == :not_watched
  end

  test "the end of the process that started the supervisor ends nothing" do
    stop()
    pid = spawn(fn -> Runtime.Supervisor.ensure_started() end)
    monitor = Process.monitor(pid)
    assert_receive {:DOWN, ^monitor, :process, ^pid, :normal}
    assert is_pid(Process.whereis(Runtime.Supervisor))
    assert is_integer(Memory.open())
  end

  test "the end of the supervisor ends no run, which then is no success", %{run: run} do
    :ok = Memory.put({run, 0}, {Trainer, []}, 1)
    stop()
    assert Memory.failure({run, 0}) == :not_watched
    assert Memory.failures(run) == []
    :ok = Runtime.Supervisor.ensure_started()
    assert Memory.failure({run, 0}) == :not_watched
  end

  test "many runs may begin at once where nobody started the supervisor" do
    for _round <- 1..50 do
      stop()

      begin = fn ->
        Task.async(fn ->
          :ok = Runtime.Supervisor.ensure_started()
          Memory.open()
        end)
      end

      runs = 1..8 |> Enum.map(fn _run -> begin.() end) |> Task.await_many()
      assert runs == Enum.uniq(runs)
    end
  end

  test "an application may start the supervisor itself" do
    stop()
    pid = start_supervised!(Runtime.Supervisor)
    :ok = Runtime.Supervisor.ensure_started()
    assert Process.whereis(Runtime.Supervisor) == pid
  end

  defp stop do
    pid = Process.whereis(Runtime.Supervisor)
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
    wait_for_memory()
  end

  # The children of a killed supervisor end a moment later.
  defp wait_for_memory do
    if Process.whereis(Memory) do
      Process.sleep(1)
      wait_for_memory()
    end
  end
end
