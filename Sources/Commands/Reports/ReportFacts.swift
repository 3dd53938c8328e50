import Aviary
import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a report and a model card say of a model beside its scores.
struct ReportFacts {
  var architecture: String?
  var license: String?
  /// What it was fine-tuned from.
  var base: String?
  /// What the data are called.
  var data: String?
  /// Which part of them was evaluated.
  var part: String?
  /// Whether a training before the last one may have learned some of it.
  var isPartKnownBefore = false
  var classes: [String] = []
  /// How it was trained.
  var training: [(name: String, value: String)] = []
  var sentences: [String] = []
  /// The command line that began the training.
  var command: String?
  /// What `predict` is given.
  var exampleInput = "INPUT"

  init(_ metadata: Checkpoint.Metadata, _ record: RunRecord?) {
    architecture = metadata.architecture
    license = metadata.licence
    classes = metadata.classes ?? record?.summary?.classes ?? []
    let options = record?.options
    base = options?.checkpoint.map(Self.lastPart)
    data = options.map { Self.lastPart($0.data) }
    command = options?.command
    if let architecture {
      let from = base.map { ", fine-tuned from \($0)" } ?? (data == nil ? "" : ", trained")
      sentences.append("\(architecture)\(from)\(data.map { " on \($0)" } ?? ""), made with Aviary.")
    }
    if let provenance = metadata.provenance { sentences.append(provenance) }
    add("Network", architecture)
    add("Data", options?.data)
    add("Fine-tuned from", options?.checkpoint)
    if let summary = record?.summary {
      add("Parameters", "\(grouped(summary.trainable)) of \(grouped(summary.parameters)) trained")
      add("Epochs", "\(summary.epochs)" + (summary.bestEpoch.map { ", the best \($0)" } ?? ""))
      add(
        "Time",
        "\(ProgressText.duration(summary.seconds))"
          + (summary.imagesPerSecond.map { ", \(fixed($0, 0)) items a second" } ?? ""))
      if summary.skipped > 0 { add("Skipped", "\(grouped(summary.skipped)) that could not be read") }
    } else if let record {
      add("Epochs", "\(record.history.count) so far")
    }
    if let options {
      add(
        "Optimizer",
        "\(options.optimizer.kind.rawValue), learning rate \(significant(options.optimizer.learningRate, 4))")
      add("Batch size", "\(options.batchSize)")
      if !options.freeze.isEmpty { add("Frozen", options.freeze.joined(separator: ", ")) }
      if !options.trainOnly.isEmpty { add("Trained layers", options.trainOnly.joined(separator: ", ")) }
      add("Seed", "\(options.seed)")
    }
  }

  /// What is to be known about the part where its scores are given; nil for nothing.
  var partRemark: String? {
    isPartKnownBefore ? "Some of this part \(EvaluationPart.mayHaveTrained): its scores may be too good." : nil
  }

  private mutating func add(_ name: String, _ value: String?) { if let value { training.append((name, value)) } }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Where the report was made.
  static var environment: [(name: String, value: String)] {
    let process = ProcessInfo.processInfo
    return [
      ("Aviary", AviaryCommand.configuration.version),
      ("System", process.operatingSystemVersionString),
      ("Processor", processor ?? "unknown"),
      ("Processors", "\(availableCores())"),
    ]
  }

  private static var processor: String? {
    guard let text = try? MappedFile(path: "/proc/cpuinfo", map: false).bytes.array() else { return nil }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }.map { trimmed($0) }
  }
}

/// Times for a person.
enum ProgressText {
  /// 45 s, 12 min 30 s, 2 h 5 min.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds.isFinite ? seconds : 0), 1e9).rounded())
    if whole < 60 { return "\(significant(seconds, 3)) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
