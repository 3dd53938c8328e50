import ArgumentParser
import Aviary
import AviaryArchives
import AviaryCommands
import CAllocations

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `aviary-bench WORKLOAD`: times a workload, or compares its losses with another program's.
struct WorkloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Time a workload, or check its losses against recorded ones.",
    discussion: "Workloads: \(Workload.all.map(\.name).joined(separator: ", ")).")

  @Argument(help: "The workload.") var workload: String
  @Option(help: "The number of timed steps.") var steps = 10
  @Option(help: "The number of untimed steps before them.") var warmup = 2
  @Option(help: "The number of compute threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(
    help: "Train from the weights and inputs in this safetensors file, and compare the losses with those in it.",
    completion: .file(extensions: ["safetensors"]))
  var check: String?
  @Option(
    help: ArgumentHelp(
      """
      The image folder that the workload 'images' reads. By default cats-vs-dogs in $AVIARY_SHARED_DATA or in \
      ../shared/data.
      """, valueName: "dir"),
    completion: .directory)
  var data: String?
  @Flag(help: "Print one JSON object as the last line.") var json = false
  @Flag(help: "Print where the time goes, by operation and by layer.") var profile = false
  @Option(
    help: ArgumentHelp(
      "Write every operation of the timed steps to this file, for chrome://tracing.", valueName: "file.json"),
    completion: .file(extensions: ["json"]))
  var trace: String?

  func validate() throws {
    guard Workload.all.contains(where: { $0.name == workload }) else {
      throw ValidationError(
        "unknown workload '\(workload)'; choose one of \(Workload.all.map(\.name).joined(separator: ", "))")
    }
    guard steps >= 1, warmup >= 0, (1...1024).contains(threads) else {
      throw ValidationError("--steps must be at least 1, --warmup at least 0, and --threads between 1 and 1024")
    }
    guard check == nil && !json || !profile && trace == nil else {
      throw ValidationError(
        "--profile and --trace cannot be combined with --check or --json: profiling slows the steps down")
    }
  }

  func run() throws {
    guard let workload = Workload.all.first(where: { $0.name == workload }) else { return }
    Compute.threads = threads
    // Fail before a long run, not after it.
    if let trace { try Self.checkWritable(trace) }
    if let check {
      try compare(workload, with: check)
    } else if profile || trace != nil {
      try profile(workload)
    } else {
      try time(workload)
    }
  }

  private static func checkWritable(_ path: String) throws(BenchFault) {
    let files = FileManager.default
    var isFolder: Bool = false
    if files.fileExists(atPath: path, isDirectory: &isFolder), isFolder {
      throw .unwritable(path: path, reason: "is a folder")
    }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let place = path.hasPrefix("/") && folder.isEmpty ? "/" : folder.isEmpty ? "." : folder
    guard files.fileExists(atPath: place, isDirectory: &isFolder), isFolder else {
      throw .unwritable(path: path, reason: "the folder '\(place)' does not exist")
    }
    guard files.isWritableFile(atPath: place) else {
      throw .unwritable(path: path, reason: "the folder '\(place)' cannot be written to")
    }
  }

  private func time(_ workload: Workload) throws {
    let step = try workload.prepare(Workload.Setting(photographs: data))
    for _ in 0..<warmup { _ = try step() }
    var seconds: [Double] = []
    for _ in 0..<steps {
      step.renew()
      let start = secondsOnAClock()
      _ = try step.run()
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
        "\(workload.name): \(milliseconds(median)) per step, \(milliseconds(median / Double(workload.items))) per item, "
          + "peak \(Compute.peakKilobytes / 1024) MB, \(memory.misses) of \(memory.allocations) blocks allocated by the system"
      )
    }
  }

  private func profile(_ workload: Workload) throws {
    let step = try workload.prepare(Workload.Setting(photographs: data))
    for _ in 0..<warmup { _ = try step() }
    let unprofiled = try unprofiled(step)
    let recording = try Profile.recording {
      for _ in 0..<steps { _ = try step.run() }
    }
    if let trace { try writeDurably([ByteRegion(Array(ChromeTrace.json(recording).utf8))], to: trace) }
    guard profile else { return }
    let report = ProfileReport(
      workload: workload.name, steps: steps, recording: recording, unprofiled: unprofiled, limits: MachineLimits())
    for line in report.lines { print(line) }
  }

  /// The same steps without profiling: their seconds, and their heap allocations.
  private func unprofiled(_ step: Workload.Step) throws -> (seconds: Double, allocations: Int?) {
    let before = ca_allocations()
    ca_count(true)
    defer { ca_count(false) }
    let start = secondsOnAClock()
    for _ in 0..<steps { _ = try step.run() }
    let seconds = secondsOnAClock() - start
    return (seconds, ca_counts() ? Int(ca_allocations() - before) : nil)
  }

  private func compare(_ workload: Workload, with path: String) throws {
    let file = try Checkpoint.read(from: path)
    var start = Workload.Start()
    for entry in file.entries {
      let parts = entry.path.split(separator: "/", maxSplits: 1).map(String.init)
      if parts.count == 2, parts[0] == "weight" { start.weights.set(entry.array, at: parts[1]) }
      if parts.count == 2, parts[0] == "input" { start.inputs[parts[1]] = entry.array }
    }
    guard let expected = file["losses"]?.doubles(), !expected.isEmpty, !start.inputs.isEmpty else {
      throw BenchFault.notADump(path: path)
    }
    let step = try workload.prepare(Workload.Setting(start: start))
    var fault: BenchFault?
    for (number, loss) in expected.enumerated() {
      guard let own = try step() else { throw BenchFault.noLoss(workload: workload.name) }
      let distance = abs(Double(own) - loss) / max(1, abs(loss))
      print("step \(number + 1): loss \(own), recorded \(loss), distance \(distance)")
      let tolerance = number == 0 ? Workload.tolerance : workload.drift
      // NaN fails, too.
      if !(distance <= tolerance), fault == nil { fault = .differs(distance: distance, tolerance: tolerance) }
    }
    if let fault { throw fault }
  }
}

/// The results as one line for scripts.
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

/// Why a benchmark or a comparison of losses fails.
enum BenchFault: Error, CustomStringConvertible {
  /// The file has no `losses` and `input/…`.
  case notADump(path: String)
  /// The workload does not train, so it has no losses.
  case noLoss(workload: String)
  /// The file does not have an input of the workload.
  case noInput(name: String)
  /// The file does not have a weight of the workload, or in another shape.
  case noWeight(path: String)
  /// The processor has no instructions for products of bfloat16.
  case noBFloat16
  /// The folder of photographs does not exist.
  case noPhotographs(folder: String)
  /// The trace cannot be written.
  case unwritable(path: String, reason: String)
  /// A photograph cannot be read, so that a step would process fewer.
  case unreadable(String)
  /// A loss differs from the recorded one by more than rounding explains.
  case differs(distance: Double, tolerance: Double)

  var description: String {
    switch self {
    case .notADump(let path):
      "\(path): has no tensors 'losses' and 'input/…'; write one with tools/bench_peers.py WORKLOAD --dump FILE"
    case .noLoss(let workload): "\(workload) has no losses to compare; choose a workload that trains"
    case .noInput(let name):
      "the file has no numeric 'input/\(name)'; write one with tools/bench_peers.py WORKLOAD --dump FILE"
    case .noWeight(let path):
      "the file has no 'weight/\(path)' of the expected shape; write one with tools/bench_peers.py WORKLOAD --dump FILE"
    case .noBFloat16: "this processor has no instructions for bfloat16; choose the workload without -bf16"
    case .noPhotographs(let folder): "\(folder): no such folder; name an image folder with --data"
    case .unwritable(let path, let reason): "\(path): \(reason); give --trace another path"
    case .unreadable(let reason): "\(reason); remove it from the folder"
    case .differs(let distance, let tolerance):
      "the losses differ by a relative \(distance), more than the allowed \(tolerance)"
    }
  }
}
