import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a run's folder tells of it, finished or not. Reading locks nothing, so that a run can be looked at while it learns.
public struct RunRecord: Sendable {
  /// The folder of the run.
  public let path: String
  /// The finished epochs.
  public let history: [HistoryRow]
  /// Means over every so many steps; empty where they were not asked for.
  public let steps: [StepRow]
  /// Nil before the run's end.
  public let summary: RunSummary?
  /// Nil for a run whose options cannot be read, such as one of a later version.
  public let options: TrainingOptions?

  /// A row of `steps.csv`.
  public struct StepRow: Equatable, Sendable {
    /// How many steps the run had taken.
    public let step: Int
    /// The mean loss.
    public let loss: Double
    /// The share that was predicted rightly.
    public let accuracy: Double?
    /// The learning rate of the step.
    public let learningRate: Double?
    /// The norm of all gradients.
    public let gradientNorm: Double?
  }

  /// - Throws: where the folder holds no run, or a table in it is damaged.
  public init(reading path: String) throws(RunFault) {
    self.path = path
    guard FileSystem.exists(path + "/history.csv") || FileSystem.exists(path + "/options.json") else {
      throw .notARun(path: path)
    }
    let (names, rows) = try Self.table(path + "/history.csv", leastColumns: 8)
    history = try rows.map { (row) throws(RunFault) in
      guard let epoch = row.integer(0), let loss = row.number(1), let rate = row.number(5), let seconds = row.number(6)
      else {
        throw row.fault
      }
      var validation = row.number(3).map { Scores(loss: $0, accuracy: row.number(4)) }
      for (place, name) in names.enumerated().dropFirst(8) {
        if let score = HistoryRow.further.first(where: { HistoryRow.column($0) == name }) {
          validation?[score] = row.number(place)
        }
      }
      return HistoryRow(
        epoch: epoch, training: Scores(loss: loss, accuracy: row.number(2)), validation: validation, learningRate: rate,
        seconds: seconds, itemsPerSecond: row.number(7))
    }
    steps = try Self.table(path + "/" + StepLog.stepsName, leastColumns: 7).rows.map { (row) throws(RunFault) in
      guard let step = row.integer(0), let loss = row.number(2) else { throw row.fault }
      return StepRow(
        step: step, loss: loss, accuracy: row.number(3), learningRate: row.number(4), gradientNorm: row.number(5))
    }
    summary = Self.json(path + "/summary.json")
    options = Self.json(path + "/options.json")
  }

  /// The summary of the finished run in a folder; nil where there is none.
  static func summary(at path: String) -> RunSummary? { json(path + "/summary.json") }

  private struct Row {
    let path: String
    let line: Int
    let fields: [Substring]

    func number(_ place: Int) -> Double? { Double(fields[place]) }
    func integer(_ place: Int) -> Int? { Int(fields[place]) }
    var fault: RunFault { .damagedTable(path: path, line: line) }
  }

  /// The names of the columns and the rows below them; none where there is no file.
  private static func table(
    _ path: String, leastColumns least: Int
  ) throws(RunFault) -> (names: [Substring], rows: [Row]) {
    guard let text = try text(path) else { return ([], []) }
    var rows: [Row] = []
    var names: [Substring] = []
    for (index, line) in text.split(separator: "\n").enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      if index == 0 { names = fields }
      let row = Row(path: path, line: index + 1, fields: fields)
      guard fields.count == names.count, fields.count >= least else { throw row.fault }
      if index > 0 { rows.append(row) }
    }
    return (names, rows)
  }

  /// Nil where there is no file.
  private static func text(_ path: String) throws(RunFault) -> String? {
    guard FileSystem.exists(path) else { return nil }
    do throws(ArchiveFault) {
      return String(decoding: try MappedFile(path: path, map: false).bytes.array(), as: UTF8.self)
    } catch {
      throw .cannotRead(path: path, reason: "\(error)")
    }
  }

  private static func json<Value: Decodable>(_ path: String) -> Value? {
    guard let text = try? text(path) else { return nil }
    return try? JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}
