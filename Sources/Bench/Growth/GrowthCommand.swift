import ArgumentParser
import Aviary
import AviaryArchives
import AviaryCommands
import AviaryPictures

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `aviary-bench growth`: how time and memory grow with the input.
struct GrowthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth", abstract: "Measure how time and memory grow with the size of the input.",
    discussion: """
      Each size of each work is measured in a process of its own. What the smallest size costs is taken for the fixed cost; \
      what a larger one costs beyond it, divided by its further items, is the cost of an item. It is marked as a knee where it \
      is more than 1.5 times that of the smallest size that has one; where there is none, it is too small to be told from noise.

      Axes:

      """ + GrowthAxis.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))

  @Argument(help: "The axes to measure (all).") var axes: [String] = []
  @Option(help: ArgumentHelp("The largest size (the axis's own).", valueName: "n")) var to: Int?
  @Option(help: ArgumentHelp("Measure only works whose names begin so. Repeatable.", valueName: "name"))
  var work: [String] = []
  @Option(
    help: ArgumentHelp("Leave out sizes that would take longer than this, as the last two grew.", valueName: "seconds"))
  var limit = 100
  @Option(help: ArgumentHelp("Leave out sizes that would take more memory than this.", valueName: "GB"))
  var memory = 6
  @Option(help: "The number of compute threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(
    help: ArgumentHelp(
      "The folder for a temporary folder with the inputs: some GB for the largest sizes (the system's).",
      valueName: "dir"), completion: .directory)
  var scratch: String?
  @Option(
    help: ArgumentHelp(
      "Draw how the time of an item changes with the size into this .png or .svg file.", valueName: "file"),
    completion: .file(extensions: ["png", "svg"]))
  var plot: String?
  @Flag(help: "Print one JSON object as the last line.") var json = false

  func validate() throws {
    for axis in axes where !GrowthAxis.all.contains(where: { $0.name == axis }) {
      throw ValidationError(
        "unknown axis '\(axis)'; choose from \(GrowthAxis.all.map(\.name).joined(separator: ", "))")
    }
    try checkOption("--to", to, "at least 1") { $0 >= 1 }
    try checkOption("--limit", limit, in: 1...1_000_000)
    try checkOption("--memory", memory, in: 1...1_000_000)
    try checkOption("--threads", threads, in: 1...1024)
    try checkOption("--plot", plot, "a .png or .svg file") { Drawing.Format(path: $0) != nil }
    for word in work where !chosen.contains(where: { $0.works.contains { $0.name.hasPrefix(word) } }) {
      throw ValidationError("--work '\(word)': no work of \(chosen.map(\.name).joined(separator: ", ")) begins so")
    }
  }

  private var chosen: [GrowthAxis] { GrowthAxis.all.filter { axes.isEmpty || axes.contains($0.name) } }

  func run() throws {
    Interruption.watch()
    defer { Interruption.unwatch() }
    let process = try GrowthProcess(in: scratch ?? FileManager.default.temporaryDirectory.path, threads: threads)
    var all: [GrowthSeries] = []
    do throws(GrowthFault) {
      for axis in chosen { all += try series(axis, process) }
    } catch {
      if case .interrupted = error { throw ExitCode(130) }
      throw error
    }
    if let plot { try GrowthChart(series: all).write(to: plot) }
    if json { print(JSONValue.members(["growth": .array(all.map(\.json))]).serialized) }
  }

  /// Measures all works of an axis.
  private func series(_ axis: GrowthAxis, _ process: GrowthProcess) throws(GrowthFault) -> [GrowthSeries] {
    var all = axis.works.map { GrowthSeries(axis: axis.name, work: $0.name) }
    let chosen = all.indices.filter { place in work.isEmpty || work.contains { all[place].work.hasPrefix($0) } }
    for size in axis.sizes where size <= to ?? .max {
      // Where nothing is left to measure, nothing needs to be prepared.
      let open = chosen.filter { !isOver(&all[$0], axis.works[$0], size) }
      guard !open.isEmpty else { continue }
      do {
        try process.clear()
        try process.prepare(axis, size: size)
      } catch {
        let fault = (error as? GrowthFault) ?? .failed("\(error)")
        if case .interrupted = fault { throw fault }
        for place in open { all[place].end = "\(grouped(size)) cannot be prepared: \(fault)" }
        continue
      }
      for place in open {
        do { all[place].add(try process.measure(axis, place, size: size)) } catch {
          let fault = (error as? GrowthFault) ?? .failed("\(error)")
          if case .interrupted = fault { throw fault }
          all[place].end = "\(grouped(size)): \(fault)"
        }
        tell("\(axis.name) \(grouped(size)): \(all[place].work)")
      }
    }
    for place in chosen { for line in all[place].lines(items: axis.items) { print(line) } }
    return chosen.map { all[$0] }
  }

  /// Whether a work is not to be measured at a size, nor at larger ones.
  private func isOver(_ series: inout GrowthSeries, _ work: GrowthAxis.Work, _ size: Int) -> Bool {
    if series.end != nil || size > work.most ?? .max { return true }
    guard let next = series.estimate(size) else { return false }
    if next.seconds > Double(limit) {
      series.end = "\(grouped(size)) would take \(fixed(next.seconds, 0)) s; see --limit"
    } else if next.bytes > memory * 1_000_000_000 {
      series.end = "\(grouped(size)) would take \(fixed(Double(next.bytes) / 1e9, 1)) GB; see --memory"
    }
    return series.end != nil
  }
}

/// A part of `growth` that has a process of its own.
struct GrowthPartCommand: ParsableCommand {
  static let name = "growth-part"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Prepare an input for 'growth', or measure one work.", shouldDisplay: false)

  @Argument var axis: String
  @Argument var size: Int
  @Argument var folder: String
  @Option var work: Int?
  @Option var threads: Int
  @Option var result: String

  func run() throws {
    guard let axis = GrowthAxis.all.first(where: { $0.name == axis }) else { return }
    Compute.threads = threads
    guard let work else { return try axis.prepare(size, folder) }
    let task = try axis.works[work].start(size, folder)
    var least = Double.infinity
    for _ in 0..<task.runs {
      let start = secondsOnAClock()
      try task.run()
      least = min(least, secondsOnAClock() - start)
    }
    let measured = JSONValue.members(["seconds": .real(least), "bytes": .integer(Compute.peakKilobytes * 1024)])
    try FileSystem.write(Array(measured.serialized.utf8), to: result)
  }
}
