import ArgumentParser
import Aviary
import AviaryArchives
import AviaryPlatform

/// How processes work together.
struct ProcessArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "End the job where a process does not answer for this many seconds: it has died, or hangs; 0 waits for ever (25).",
      valueName: "seconds"))
  var timeout: Double?
  @Option(
    name: .customLong("slow-link"), parsing: .unconditional,
    help: ArgumentHelp("Delay what is sent, to n megabytes a second: for tests.", visibility: .hidden))
  var slowLink: Double?

  func validate() throws {
    try checkOption("--timeout", timeout, "a number of seconds, or 0") { $0 >= 0 && $0.isFinite }
    try checkOption("--slow-link", slowLink, "a number above 0") { $0 > 0 && $0.isFinite }
  }

  /// Joins the job, runs `body` with the other processes, and leaves it.
  func run(_ change: (inout Processes) -> Void = { _ in }, _ body: () throws -> Void) throws {
    guard let job = ParallelCommand.job else { return try body() }
    let timeout = timeout ?? 25
    let group = try job.start(timeout: timeout == 0 ? nil : timeout)
    if !group.isWriter {
      group.silenceOutput()
      Notices.areSilenced = true
    }
    if let slowLink { group.slowDown(secondsPerByte: 1 / (slowLink * 1e6)) }
    var processes = Processes(group: group)
    change(&processes)
    do {
      try Processes.$current.withValue(processes) { try body() }
    } catch let code as ExitCode {
      // They have agreed on it.
      group.finish()
      throw code
    } catch {
      // Where it is the same fault in all, process 0 says it, and the job is over by then.
      if !group.isWriter { sleep(3) }
      complain(group.isWriter ? "\(error)" : "process \(group.rank): \(error)")
      group.abort(ParallelCommand.exitCode(for: error) == .validationFailure || error is OptionFault ? 64 : 1)
    }
    group.finish()
  }
}

/// How processes train together.
struct TrainingProcessArguments: ParsableArguments {
  @Flag(
    name: .customLong("sync-batch-norm"),
    help: "Normalise by the statistics of the whole batch, not each process by those of its share.")
  var syncBatchNorm = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Send gradients in buckets of this many MiB, while the backward pass goes on (25).", valueName: "MiB"))
  var bucketSize: Double?
  @OptionGroup var processes: ProcessArguments

  func validate() throws {
    try checkOption("--bucket-size", bucketSize, "a number above 0, up to 1024") { $0 > 0 && $0 <= 1024 }
  }

  func run<Source>(_ training: TrainingCommand<Source>, _ body: () throws -> Void) throws {
    let name = Source.command
    if training.resume != nil, syncBatchNorm {
      throw ValidationError("--resume uses the run's own options; leave out --sync-batch-norm")
    }
    if training.epochOptions.findLearningRate != nil {
      throw ValidationError("--find-learning-rate is for one process: use aviary \(name)")
    }
    try processes.run { processes in
      processes.synchronizesStatistics = syncBatchNorm
      if let bucketSize { processes.bucketBytes = max(4, Int(bucketSize * 1_048_576)) }
      let folder = training.resume ?? training.output ?? "RUN"
      processes.group.advice =
        "what was saved last is in \(folder); resume with: mpirun -n \(processes.group.count) aviary-mpi \(name) --resume \(folder)"
    } _: {
      try body()
    }
  }
}
