import ArgumentParser
import Aviary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `aviary bench`: times a workload, or compares its losses with another program's.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Time a workload, or check its losses against recorded ones.",
    discussion: "Workloads: \(Workload.all.map(\.name).joined(separator: ", ")).")

  @Argument(help: "The workload.") var workload: String
  @Option(help: "How many steps are timed.") var steps = 10
  @Option(help: "How many steps come before, untimed.") var warmup = 2
  @Option(help: "How many threads compute.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(
    help: "Take three steps from the weights and inputs of this safetensors file and compare with its losses.",
    completion: .file(extensions: ["safetensors"]))
  var check: String?
  @Flag(help: "Print one JSON object as the last line.") var json = false

  /// How far a loss may be from the recorded one, of its size or of 1: two implementations in float32 drift apart by
  /// rounding.
  static let tolerance = 1e-4

  func validate() throws {
    guard Workload.all.contains(where: { $0.name == workload }) else {
      throw ValidationError(
        "there is no workload '\(workload)'; there are \(Workload.all.map(\.name).joined(separator: ", "))")
    }
    guard steps >= 1, warmup >= 0, (1...1024).contains(threads) else {
      throw ValidationError("--steps and --threads are at least 1, --warmup at least 0, --threads at most 1024")
    }
  }

  func run() throws {
    guard let workload = Workload.all.first(where: { $0.name == workload }) else { return }
    Compute.threads = threads
    if let check {
      try compare(workload, with: check)
    } else {
      try time(workload)
    }
  }

  private func time(_ workload: Workload) throws {
    let step = try workload.prepare(nil)
    for _ in 0..<warmup { _ = try step() }
    var seconds: [Double] = []
    for _ in 0..<steps {
      let start = secondsOnAClock()
      _ = try step()
      seconds.append(secondsOnAClock() - start)
    }
    let median = seconds.sorted()[seconds.count / 2]
    if json {
      let result = BenchResult(
        workload: workload.name, itemsPerStep: workload.items, seconds: seconds, peakKB: Compute.peakKilobytes)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      let memory = Compute.memory
      print(
        "\(workload.name): \(milliseconds(median)) a step, \(milliseconds(median / Double(workload.items))) an item, "
          + "peak \(Compute.peakKilobytes / 1024) MB, \(memory.misses) of \(memory.allocations) blocks from the system")
    }
  }

  private func compare(_ workload: Workload, with path: String) throws {
    let file = try Checkpoint.read(from: path)
    var start = Workload.Start(weights: Checkpoint(), inputs: [:])
    for entry in file.entries {
      let parts = entry.path.split(separator: "/", maxSplits: 1).map(String.init)
      if parts.count == 2, parts[0] == "weight" { start.weights.set(entry.array, at: parts[1]) }
      if parts.count == 2, parts[0] == "input" { start.inputs[parts[1]] = entry.array }
    }
    guard let expected = file["losses"]?.doubles(), !expected.isEmpty, !start.inputs.isEmpty else {
      throw BenchFault.notADump(path: path)
    }
    let step = try workload.prepare(start)
    var worst = 0.0
    for (number, loss) in expected.enumerated() {
      guard let own = try step() else { throw BenchFault.noLoss(workload: workload.name) }
      let distance = abs(Double(own) - loss) / max(1, abs(loss))
      print("step \(number + 1): loss \(own), recorded \(loss), distance \(distance)")
      guard distance.isFinite else { throw BenchFault.differs(distance: distance, tolerance: Self.tolerance) }
      worst = max(worst, distance)
    }
    if worst > Self.tolerance { throw BenchFault.differs(distance: worst, tolerance: Self.tolerance) }
  }

  private func milliseconds(_ seconds: Double) -> String {
    let micro = Int((seconds * 1e6).rounded())
    return "\(micro / 1000).\(String(1000 + micro % 1000).dropFirst()) ms"
  }
}

/// One line of results, as scripts read it.
private struct BenchResult: Encodable {
  let workload: String
  let itemsPerStep: Int
  let seconds: [Double]
  let peakKB: Int

  enum CodingKeys: String, CodingKey {
    case workload, seconds
    case itemsPerStep = "items_per_step"
    case peakKB = "peak_kb"
  }
}

/// Why a comparison of losses fails.
enum BenchFault: Error, CustomStringConvertible {
  /// The file has no `losses` and `input/…`.
  case notADump(path: String)
  /// The workload does not train.
  case noLoss(workload: String)
  /// A loss is further from the recorded one than rounding explains.
  case differs(distance: Double, tolerance: Double)

  var description: String {
    switch self {
    case .notADump(let path): "\(path): there are no 'losses' and 'input/…' in it; it is made by peers.py --dump"
    case .noLoss(let workload): "\(workload) has no losses to compare; choose one that trains"
    case .differs(let distance, let tolerance):
      "the losses differ by \(distance) of their size, more than \(tolerance)"
    }
  }
}
