import ArgumentParser
import Aviary
import AviaryArchives
import AviaryDiagnostics
import AviaryPlatform

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The processes of a job, as the commands of `aviary-mpi` need them.
public protocol JobGroup: ProcessGroup {
  /// What is said about going on where the job has to end.
  var advice: String { get set }
  /// Leaves the job.
  func finish()
  /// Ends all processes of the job.
  func abort(_ status: Int32) -> Never
  /// From now on this process prints no results.
  func silenceOutput()
  /// Makes everything that is sent take longer.
  func slowDown(secondsPerByte: Double)
}

/// What starts a job: it knows MPI, which the commands do not.
public protocol ParallelJob: Sendable {
  /// Joins the job.
  ///
  /// - Parameter timeout: how many seconds the others may take for anything but preparations; nil for as long as they like.
  func start(timeout: Double?) throws -> any JobGroup
}

/// The command line `aviary-mpi`: commands of `aviary` whose work several processes share.
public struct ParallelCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "aviary-mpi",
    abstract: "Train, evaluate and extract features with several processes, on one machine or several.",
    discussion: """
      mpirun -n N aviary-mpi train … starts N processes that train one model: each learns from its share of every batch, \
      and their gradients add up to those of the whole. The options are those of aviary, and --batch-size is the size of \
      the whole batch. Process 0 writes files and reports.
      """,
    version: PackageVersion.text,
    subcommands: [
      ParallelTrainingCommand<ArchitectureSource>.self, ParallelTrainingCommand<CheckpointSource>.self,
      ParallelImageCommand<EvaluateCommand>.self, ParallelImageCommand<FeaturesCommand>.self,
    ])

  /// What starts the processes' job.
  @TaskLocal static var job: (any ParallelJob)?

  public init() {}

  /// Runs the subcommand that the command line names, and exits unless it succeeds.
  public static func main(_ job: some ParallelJob, registry: Registry = .standard) {
    $job.withValue(job) {
      AviaryCommand.$registry.withValue(registry) {
        do {
          var command = try parseAsRoot(Array(PathText.arguments.dropFirst()))
          try command.run()
        } catch {
          // Every process has found the same fault of the command line; one says it, and the others end with it. A process that
          // ended before it had spoken would take it along.
          if rankOfLauncher > 0 {
            sleep(20)
            _exit(exitCode(for: error).rawValue)
          }
          exit(reporting: error)
        }
      }
    }
  }

  /// Which process this is, as whoever has started it says before MPI does.
  private static var rankOfLauncher: Int {
    let names = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"]
    return names.lazy.compactMap { ProcessInfo.processInfo.environment[$0].flatMap { Int($0) } }.first ?? 0
  }
}

/// The processes that share the work of the command that runs now.
struct Processes: Sendable {
  /// Nil where there is one process.
  @TaskLocal static var current: Processes?

  let group: any JobGroup
  var synchronizesStatistics = false
  var bucketBytes = 25 << 20

  /// How many of them run on this machine, as mpirun says.
  var here: Int {
    ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) }.map { max(1, $0) } ?? 1
  }

  /// The processors for one of them: its own where it is bound to some, else its share of the machine's.
  func cores(of available: Int) -> Int {
    available * here <= ProcessInfo.processInfo.processorCount ? available : max(1, available / here)
  }

  /// Options of a run that these processes make.
  func share(_ options: inout TrainingOptions) {
    options.processes = ProcessOptions(count: group.count, synchronizesStatistics: synchronizesStatistics)
  }

  func share(_ hooks: inout TrainingHooks) {
    hooks.group = group
    hooks.bucketBytes = bucketBytes
  }
}
