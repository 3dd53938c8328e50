import ArgumentParser
import Aviary
import AviaryHub

/// Whether published weights and data may be fetched.
package struct OfflineOption: ParsableArguments {
  package init() {}

  @Flag(help: "Fetch nothing: published weights and data must be in the cache. Also on with AVIARY_OFFLINE=1.")
  var offline = false

  /// What fetches for a command, and tells so.
  func puller() throws -> Puller {
    var puller = try Puller.standard()
    if offline { puller.isOffline = true }
    puller.notify = tell
    let line = FetchLine()
    puller.progress = line.show
    return puller
  }

  /// What `--data` names: a path, or `data:NAME`.
  func dataPath(_ name: String) throws -> String { try puller().dataPath(name) }
}

/// Where named weights are looked up.
package struct WeightsOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp(
      "The folder of shipped weights (Weights beside the executable or in the package; $AVIARY_WEIGHTS).",
      valueName: "dir"))
  var weights: String?
  @OptionGroup var offline: OfflineOption

  /// The path of a checkpoint that somebody names: a file, the folder of a run, shipped weights, or published ones, which
  /// are fetched unless they are in the cache.
  package func path(of named: String) throws -> String {
    var puller = try offline.puller()
    var isFetched = false
    puller.notify = { line in
      isFetched = true
      tell(line)
    }
    let path = try puller.checkpointPath(named, weights: weights)
    if isFetched { for note in PullCommand.notes(onFileAt: path) { tell("\(named): \(note)") } }
    return path
  }

  /// What `--data` names: a path, or `data:NAME`.
  func dataPath(_ name: String) throws -> String { try offline.dataPath(name) }
}

/// The progress line of a file that is fetched.
final class FetchLine {
  private var line = ProgressLine()
  private let start = ContinuousClock.now
  private var first: Int?

  /// Takes the line away where nothing more comes.
  deinit { line.clear() }

  func show(_ progress: PullProgress) {
    let mebi = 1 << 20
    let begun = first ?? progress.received
    first = begun
    let elapsed = ContinuousClock.now - start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    let rate = seconds > 0.5 ? Double(progress.received - begun) / seconds : 0
    let left = progress.total.flatMap { rate > 0 ? Double($0 - progress.received) / rate : nil }
    line.show(
      .init(
        progress.file, done: progress.received / mebi, total: (progress.total ?? 0) / mebi,
        itemsPerSecond: rate > 0 ? rate / Double(mebi) : nil, items: "MiB", secondsLeft: left))
    if let total = progress.total, progress.received >= total { line.clear() }
  }
}
