import Aviary

/// The results of an evaluation, as lines and as JSON.
struct EvaluationReport {
  /// What was measured.
  enum Content {
    case classes(ClassificationMetrics, ProbabilityFindings?)
    case numbers(RegressionMetrics)
    case characters(count: Int, loss: Double)
    /// What a page repeats in the words of the command.
    case other
  }

  let content: Content
  /// The word for one example.
  let item: String
  /// What the examples are called, in the order in which they were counted; nil where they have no names.
  var names: [String]?
  /// The part of the data that was evaluated; nil where they have none.
  var part: String?
  /// Whether a training before the last one may have learned some of it.
  private(set) var isKnownBefore = false
  /// Rows of a table.
  struct Rows {
    let table: Table
    /// Where the rows are among the table's.
    let places: [Int]
    /// The column that is predicted.
    let target: String
  }

  /// The rows that the examples are, in the order in which they were counted; nil where they are something else.
  var rows: Rows?
  /// The scores of groups of the examples; nil where none are asked for.
  var slices: EvaluationSlices?
  var lines: [String]
  var members: [(String, JSONValue)]
  /// Whether the loss, or the error, is a finite number.
  let isFinite: Bool

  /// Of a language model.
  init(characters: Int, loss: Double) {
    (content, item) = (.characters(count: characters, loss: loss), "character")
    isFinite = loss.isFinite
    lines = [
      "\(counted(characters, "character")), loss \(fixed(loss, 4)) nats per character, "
        + "\(fixed(loss / logOfTwo, 4)) bits per character"
    ]
    members = [("characters", .integer(characters)), ("loss", .real(loss)), ("bits", .real(loss / logOfTwo))]
  }

  /// The same, with the name of the part that was evaluated.
  func onPart(_ part: EvaluationPart) -> EvaluationReport {
    var report = self
    report.part = part.word
    report.members.append(("part", .text(part.word)))
    return report
  }

  /// The same of a part that a training before the last one may have learned, where it is so.
  func known(before isKnown: Bool) -> EvaluationReport {
    guard isKnown else { return self }
    var report = self
    report.isKnownBefore = true
    report.members.append(("learned_before", .boolean(true)))
    return report
  }

  /// The same, with the names of the examples.
  func named(_ names: [String]) -> EvaluationReport {
    var report = self
    report.names = names
    return report
  }

  /// The same, with the rows that the examples are.
  func of(_ table: Table, rows places: [Int], target: String) -> EvaluationReport {
    var report = named(places.map { "\(table.rowNumbers[$0])" })
    report.rows = Rows(table: table, places: places, target: target)
    return report
  }

  /// The same of several predictions of each item.
  func ofItems(_ count: Int) -> EvaluationReport {
    var report = self
    report.lines[0] = "\(counted(count, "item")), " + lines[0]
    report.members.insert(("items", .integer(count)), at: 0)
    return report
  }

  /// The same, with the rows of the table that could not be scored, in any of its parts.
  func leavingOut(_ rows: [LackingRow]) -> EvaluationReport {
    var report = self
    let list = JSONValue.array(
      rows.map { .members(["row": .integer($0.row), "error": .text("no value in column \($0.column)")]) })
    if let place = members.firstIndex(where: { $0.0 == "skipped" }) {
      report.members[place].1 = list
    } else {
      report.members.append(("skipped", list))
    }
    if !rows.isEmpty, !lines.isEmpty { report.lines[0] += ", \(grouped(rows.count)) skipped" }
    return report
  }

  /// The line that says so.
  static func leftOut(_ count: Int, _ first: LackingRow) -> String {
    "\(counted(count, "row")) left out, in which a value that is needed is missing; the first: row \(first.row), "
      + "column \(first.column)"
  }

  func print(asJSON: Bool) {
    if asJSON {
      printJSON(JSONValue.object(members.map { .init($0.0, $0.1) }))
    } else {
      for line in lines { show(line) }
    }
  }
}

private let logOfTwo = 0.693147180559945309
