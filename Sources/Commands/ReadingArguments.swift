import ArgumentParser
import Aviary

/// How many images a command reads, and with how many threads.
struct ReadingArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: ArgumentHelp("Threads that decode images (number of cores).", valueName: "n"))
  var workers: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Threads that compute (number of cores).", valueName: "n"))
  var threads: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Use at most N images per class, for a quick trial.", valueName: "n"))
  var limit: Int?

  func validate() throws {
    for (name, value, highest) in [("--workers", workers, 256), ("--threads", threads, 1024), ("--limit", limit, .max)]
    {
      guard let value, !(1...highest).contains(value) else { continue }
      throw ValidationError("\(name) \(value) is out of range; use 1 \(highest == .max ? "or more" : "to \(highest)")")
    }
  }

  /// Sets the number of compute threads for the whole command.
  func setThreads() {
    if let threads { Compute.threads = threads }
  }

  /// Refuses options that apply to images only.
  func check(_ kind: DataKind, _ path: String) throws {
    guard kind != .images else { return }
    for (name, value) in [("--workers", workers), ("--limit", limit)] where value != nil {
      throw CommandFault.unsuitedOption(option: name, kinds: [.images], path: path)
    }
  }
}
