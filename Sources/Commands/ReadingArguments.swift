import ArgumentParser
import Aviary

/// `10%` or `0.1`.
struct ShareArgument: ExpressibleByArgument, Sendable {
  var value: Double

  init?(argument: String) {
    let isPercent = argument.hasSuffix("%")
    guard let number = Double(trimmed(isPercent ? argument.dropLast() : argument[...])) else { return nil }
    value = isPercent ? number / 100 : number
  }
}

/// How many images a command reads, and with how many threads.
struct ReadingArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: ArgumentHelp("Threads that decode images (number of cores).", valueName: "n"))
  var workers: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Threads that compute (number of cores).", valueName: "n"))
  var threads: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Use at most N images per class, for a quick trial.", valueName: "n"))
  var limit: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Fail if more than this share of the images of a part cannot be read, such as 10% or 0.1; 0 allows none (10%; 100% for advise, describe, evaluate and show).",
      valueName: "share"))
  var maxSkipped: ShareArgument?

  func validate() throws {
    try checkOption("--max-skipped", maxSkipped?.value, "from 0 to 1, or from 0% to 100%") { (0...1).contains($0) }
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

  /// Fails if more images could not be read than --max-skipped allows; without it any number is fine.
  ///
  /// - Parameters:
  ///   - skipped: why each could not be read.
  ///   - tried: how many were to be read.
  func checkSkipped(_ skipped: [(path: String, reason: String)], of tried: Int) throws(TrainingFault) {
    guard let most = maxSkipped?.value, Double(skipped.count) > most * Double(tried) + 1e-9 else { return }
    throw .tooManySkipped(
      items: "images", skipped: skipped.count, tried: tried, all: tried, most: most,
      paths: skipped.prefix(3).map(\.path), first: skipped.first?.reason ?? "")
  }

  /// Refuses options that apply to images only.
  func check(_ kind: DataKind, _ path: String) throws {
    guard kind != .images else { return }
    for (name, isGiven) in [
      ("--workers", workers != nil), ("--limit", limit != nil), ("--max-skipped", maxSkipped != nil),
    ] where isGiven {
      throw CommandFault.unsuitedOption(option: name, kinds: [.images], path: path)
    }
  }
}
