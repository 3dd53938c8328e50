import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The folder of one training run: its options, its checkpoints, its history, its summary.
///
/// Every file is replaced as a whole, so that a run killed at any moment leaves files that are complete. While the value
/// lives, no other process can open the same run.
///
///     let run = try RunFolder(creating: "runs/cats", options: options)   // or RunFolder(resuming: "runs/cats")
public final class RunFolder: Sendable {
  /// Where it lies.
  public let path: String
  /// Nil where another process writes, and this one only reads.
  private let lock: FileLock?
  /// Whether the folder was not there before.
  private let isNew: Bool
  /// Whether files are written; of several processes that make a run one does.
  public var isWriter: Bool { lock != nil }

  /// The weights that did best on validation.
  public var best: String { path + "/best.h5" }
  /// The last saved weights, with all that is needed to continue from them.
  public var last: String { path + "/last.h5" }
  /// The table of epochs.
  public var history: String { path + "/history.csv" }
  /// What came of the run.
  public var summary: String { path + "/summary.json" }
  /// Means over every so many steps, where they are asked for.
  public var steps: String { path + "/" + StepLog.stepsName }
  /// Gradients and relus by layer, where they are asked for.
  public var layers: String { path + "/" + StepLog.layersName }
  /// What the best weights make of the items that were held out, where they are kept.
  var predictions: String { path + "/" + Self.predictionsName }
  static let predictionsName = "predictions.csv"
  /// The run's own options, so that resuming needs no others.
  public var options: String { path + "/options.json" }
  /// The weights after an epoch, counted from 1, where they are kept.
  public func epoch(_ number: Int) -> String { path + "/" + SavedEpochs.name(number) }
  /// What the run's images hold: see `ImageContents`.
  var images: String { path + "/" + Self.imagesName }
  static let imagesName = "images.json"

  /// The weights at the end of a cycle of the schedule, counted from 1.
  func snapshot(_ cycle: Int) -> String { path + "/snapshot-\(cycle).h5" }

  /// Every file that a run writes, but for snapshots and the weights of epochs.
  static let names =
    [
      "best.h5", "last.h5", "history.csv", "summary.json", "options.json", imagesName, "features-training.h5",
      "features-validation.h5", StepLog.stepsName, StepLog.layersName, predictionsName,
    ] + PrefixCache.names

  /// Begins a run at `path`, a folder that does not exist or holds no run. Where a run died before it saved anything,
  /// there is nothing to lose, and a new one may begin.
  public convenience init(creating path: String, options: some Encodable) throws(RunFault) {
    let isNew = !FileSystem.exists(path)
    do throws(ArchiveFault) { try FileSystem.createFolder(path) } catch {
      throw .cannotWrite(path: path, reason: reason(error))
    }
    try self.init(locking: path, isNew: isNew)
    if [best, last, history, summary].contains(where: FileSystem.exists) || !SavedEpochs.list(in: path).isEmpty {
      throw .alreadyExists(path: path)
    }
    try? FileManager.default.removeItem(atPath: images)
    try write(options: options)
  }

  /// Opens the run at `path` to continue it.
  ///
  /// - Parameter isWriter: whether this process writes its files.
  public convenience init(resuming path: String, isWriter: Bool = true) throws(RunFault) {
    guard FileSystem.exists(path + "/options.json") else { throw .notARun(path: path) }
    if isWriter { try self.init(locking: path) } else { self.init(following: path) }
  }

  /// The run at `path` as a process sees it that does not write.
  init(following path: String) {
    self.path = path
    lock = nil
    isNew = false
  }

  private init(locking path: String, isNew: Bool = false) throws(RunFault) {
    self.path = path
    self.isNew = isNew
    do {
      guard let lock = try FileLock(path: path + "/.lock") else { throw RunFault.inUse(path: path) }
      self.lock = lock
    } catch let fault as RunFault {
      throw fault
    } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
    removeLeftovers()
  }

  /// Removes what a killed process left behind; those of Foundation's atomic writes come from earlier versions.
  private func removeLeftovers() {
    let snapshots = (try? FileSystem.names(in: path)) ?? []
    AviaryArchives.removeLeftovers(
      of: Self.names + SavedEpochs.unfinished(in: path)
        + Set(snapshots.filter { $0.hasPrefix(".snapshot-") }.map { String($0.dropFirst().dropLast(7)) }).sorted(),
      in: path)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names where name.hasPrefix(".dat.nosync") {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
  }

  /// Whether a state was saved: a run killed before its first save starts from the beginning.
  public var hasState: Bool { FileSystem.exists(last) }

  /// The options that the run was begun with.
  public func readOptions<Options: Decodable>(as type: Options.Type = Options.self) throws(RunFault) -> Options {
    do {
      return try JSONDecoder().decode(type, from: Data(MappedFile(path: options, map: false).bytes.array()))
    } catch {
      throw .cannotRead(path: options, reason: reason(error))
    }
  }

  /// The options of the run in a folder, which is not locked.
  package static func options(at path: String) throws(RunFault) -> TrainingOptions {
    let file = path + "/options.json"
    guard FileSystem.exists(file) else { throw .notARun(path: path) }
    do {
      return try JSONDecoder().decode(
        TrainingOptions.self, from: Data(MappedFile(path: file, map: false).bytes.array()))
    } catch { throw .cannotRead(path: file, reason: reason(error)) }
  }

  /// Takes back a run that could not begin, with its folder if that was made for it and holds nothing else.
  func removeUnbegun() {
    try? FileManager.default.removeItem(atPath: options)
    guard isNew, isWriter, (try? FileSystem.names(in: path)) == [".lock"] else { return }
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Replaces the options.
  public func write(options: some Encodable) throws(RunFault) { try writeJSON(options, to: self.options) }

  /// Replaces `history.csv`. The rows come from the saved state, so no kill and no resume loses or doubles one.
  public func write(history rows: [HistoryRow]) throws(RunFault) {
    let further = HistoryRow.further.filter { score in rows.contains { $0.validation?[score] != nil } }
    let header = ([HistoryRow.columns] + further.map(HistoryRow.column)).joined(separator: ",")
    let lines = [header] + rows.map { $0.csv(further) }
    try write(lines.joined(separator: "\n") + "\n", to: history)
  }

  /// Writes `summary.json`, whole or not at all.
  public func write(summary: RunSummary) throws(RunFault) {
    try writeJSON(summary, to: self.summary)
  }

  func writeJSON(_ value: some Encodable, to file: String) throws(RunFault) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text: String
    do {
      text = String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw .cannotWrite(path: file, reason: reason(error))
    }
    try write(text + "\n", to: file)
  }

  func write(_ text: String, to file: String) throws(RunFault) {
    guard isWriter else { return }
    do throws(ArchiveFault) {
      try writeDurably([ByteRegion(Array(text.utf8))], to: file)
    } catch {
      if case .system(_, let operation, let reason) = error {
        throw .cannotWrite(path: file, reason: "cannot \(operation): \(reason)")
      }
      throw .cannotWrite(path: file, reason: "\(error)")
    }
  }
}
