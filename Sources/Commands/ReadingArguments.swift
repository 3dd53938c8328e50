import ArgumentParser
import Aviary

/// How many images a command reads, and by how many threads it does its work.
struct ReadingArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: ArgumentHelp("Decoding threads (number of cores).", valueName: "n"))
  var workers: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Computing threads (number of cores).", valueName: "n"))
  var threads: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most images of each class, for a quick try.", valueName: "n"))
  var limit: Int?

  /// The options that were given.
  var given: [String] {
    [("--workers", workers), ("--threads", threads), ("--limit", limit)].filter { $0.1 != nil }.map(\.0)
  }

  func validate() throws {
    for (name, value, highest) in [("--workers", workers, 256), ("--threads", threads, 1024), ("--limit", limit, .max)]
    {
      guard let value, !(1...highest).contains(value) else { continue }
      throw ValidationError("\(name) \(value) is not possible; use 1 \(highest == .max ? "or more" : "to \(highest)")")
    }
  }

  /// Sets the computing threads for the whole command.
  func setThreads() {
    if let threads { Compute.threads = threads }
  }

  /// Refuses what only images can be told.
  func check(_ kind: DataKind, _ path: String) throws {
    guard kind != .images else { return }
    for (name, value) in [("--workers", workers), ("--limit", limit)] where value != nil {
      throw CommandFault.unsuitedOption(option: name, kinds: [.images], path: path)
    }
  }
}
