import Aviary
import AviaryDiagnostics

/// How the scores of an evaluation differ among groups of its items: those of a class of one column, small and large images.
struct EvaluationSlices {
  /// Of an evaluation, the slices that are asked for by name, and those that a page shows.
  struct Request {
    var names: [String] = []
    var isForPage = false

    var isEmpty: Bool { names.isEmpty && !isForPage }
  }

  /// What was asked for by name, in that order.
  let named: [SliceScores]
  /// What a page shows: those that differ most first.
  let onPage: [SliceScores]
  private let isRegression: Bool
  private let item: String

  /// More are not shown on a page.
  private static let mostShown = 10

  /// - Parameters:
  ///   - slicings: all that are known of the items.
  ///   - data: for faults.
  /// - Throws: where a name is unknown, or where the items have no scores of their own.
  init(
    _ request: Request, of report: EvaluationReport, by slicings: [Slicing], data: String
  ) throws {
    item = report.item
    guard let outcomes = Outcomes(report), !slicings.isEmpty else {
      if let name = request.names.first {
        throw OptionFault(
          slicings.isEmpty
            ? Self.unsuited(name, data)
            : "--slice \(printable(name)): \(data) has more predictions than are kept; evaluate a part of it")
      }
      (named, onPage, isRegression) = ([], [], false)
      return
    }
    isRegression = outcomes.isRegression
    let known = slicings.filter { $0.groups.reduce(0) { $0 + $1.items.count } == outcomes.count }
    named = try request.names.map { name in
      guard let found = known.first(where: { $0.name.isExactly(name) }) else {
        throw OptionFault(
          "--slice: \(data) has no '\(printable(name))' to slice by; it has \(known.map { printable($0.name) }.joined(separator: ", "))"
        )
      }
      return outcomes.scores(of: found)
    }
    onPage =
      request.isForPage
      ? known.filter { $0.groups.count > 1 && !$0.isOfNames(outcomes.count) }.map(outcomes.scores)
        .sorted { $0.prominence > $1.prominence }.prefix(Self.mostShown).map { $0 }
      : []
  }

  /// Refuses what images cannot be sliced by, before they are evaluated.
  static func checkImages(_ request: Request, _ data: String) throws {
    for name in request.names where !Slicing.imageNames.contains(where: { $0.isExactly(name) }) {
      throw OptionFault(
        "--slice: \(data) has no '\(printable(name))' to slice by; images have \(Slicing.imageNames.joined(separator: ", "))"
      )
    }
  }

  static func unsuited(_ name: String, _ data: String) -> String {
    "--slice \(printable(name)) is for rows or texts of a table and for images, not for \(data); leave it out"
  }

  /// What was made of each item.
  private enum Outcomes {
    case classes(isRight: [Bool])
    case numbers(errors: [Double])

    init?(_ report: EvaluationReport) {
      switch report.content {
      case .classes(let metrics, _):
        guard let probabilities = metrics.probabilities, probabilities.isComplete, let decision = metrics.decision
        else { return nil }
        var isRight: [Bool] = []
        for index in 0..<probabilities.count {
          guard let (label, shares) = probabilities.example(index) else { return nil }
          isRight.append(decision.predicted(shares) == label)
        }
        self = .classes(isRight: isRight)
      case .numbers(let metrics):
        guard let pairs = metrics.pairs else { return nil }
        self = .numbers(errors: pairs.map { $0.estimate - $0.target })
      case .characters, .other: return nil
      }
    }

    var count: Int {
      switch self {
      case .classes(let isRight): isRight.count
      case .numbers(let errors): errors.count
      }
    }

    var isRegression: Bool {
      if case .numbers = self { true } else { false }
    }

    func scores(of slicing: Slicing) -> SliceScores {
      switch self {
      case .classes(let isRight): SliceScores(slicing, isRight: isRight)
      case .numbers(let errors): SliceScores(slicing, errors: errors)
      }
    }
  }

  private var scoreName: String { isRegression ? "RMSE" : "accuracy" }

  private func cells(_ row: SliceScores.Row) -> [String] {
    let score = isRegression ? shown(row.score) : percent(row.score)
    let interval = row.interval.map { "\(percent($0.lower)) to \(percent($0.upper))" }
    return [row.group, grouped(row.count), score] + (isRegression ? [] : [interval ?? "-"])
  }

  private var header: [String] { [item + "s", scoreName] + (isRegression ? [] : ["95 %"]) }

  /// What the command prints.
  var lines: [String] {
    named.flatMap { table([[$0.name] + header] + $0.rows.map(cells), right: [1, 2, 3]) }
  }

  /// What its JSON has.
  var members: [(String, JSONValue)] {
    guard !named.isEmpty else { return [] }
    let slices = named.map { scores -> JSONValue in
      let rows = scores.rows.map { row -> JSONValue in
        var members: [(String, JSONValue)] = [
          ("value", row.kind == .missing ? .null : .text(row.group)), ("count", .integer(row.count)),
          (isRegression ? "rmse" : "accuracy", .real(row.score)),
        ]
        if let interval = row.interval {
          members.append(("interval", .array([.real(interval.lower), .real(interval.upper)])))
        }
        return .object(members.map { .init($0.0, $0.1) })
      }
      return .members(["by": .text(scores.name), "groups": .array(rows)])
    }
    return [("slices", .array(slices))]
  }

  /// The section of a page; nil where there is nothing to compare.
  var section: ReportPage.Section? {
    let all = onPage + named.filter { scores in !onPage.contains { $0.name.isExactly(scores.name) } }
    guard !all.isEmpty else { return nil }
    let note =
      isRegression
      ? "The error of groups of the \(item)s, first of those by which it differs most."
      : "The accuracy of groups of the \(item)s, first of those by which it differs most. In small groups much is chance: Wilson's intervals have a confidence of 95 %."
    let tables = all.map { scores in
      HTML.table(
        scores.name, ["Group"] + header.map { $0.prefix(1).uppercased() + $0.dropFirst() },
        scores.rows.map { row in
          let cells = cells(row)
          return [HTML.name(cells[0])] + cells.dropFirst().map { HTML.text($0) }
        }, numbers: [1, 2, 3])
    }
    return ReportPage.Section("slices", "Slices", [.paragraph(.text(note))] + tables)
  }
}

extension Slicing {
  /// Whether most items have a value of their own, so that groups say nothing.
  fileprivate func isOfNames(_ items: Int) -> Bool {
    groups.contains { $0.kind == .rest && $0.items.count * 2 > items }
  }

  /// What images are sliced by.
  static let imageNames = ["shorter side", "shape", "format", "folder"]

  /// Of images: by size, shape, format, and, where a class has several, the folder that they are in.
  static func images(_ entries: [ImageEntry]) -> [Slicing] {
    let forms = entries.map { try? $0.form() }
    var folders: [String?] = []
    var ofClass: [Int: Set<ExactText>] = [:]
    for entry in entries {
      let parts = entry.file.split(separator: "/")
      let folder = parts.count > 1 ? String(parts[parts.count - 2]) : nil
      folders.append(folder)
      if let folder { ofClass[entry.label, default: []].insert(ExactText(folder)) }
    }
    let shapes = forms.map { form in
      form.map { $0.width == $0.height ? "square" : $0.width > $0.height ? "wider than tall" : "taller than wide" }
    }
    var slicings = [
      Slicing("shorter side", numbers: forms.map { form in form.map { Double(min($0.width, $0.height)) } }),
      Slicing("shape", words: shapes), Slicing("format", words: forms.map { $0?.format }),
    ]
    if ofClass.values.contains(where: { $0.count > 1 }) { slicings.append(Slicing("folder", words: folders)) }
    return slicings
  }

  /// Of rows of a table: by each of its columns but the one that is predicted.
  static func columns(of evaluated: EvaluationReport.Rows) -> [Slicing] {
    evaluated.table.columns.filter { !$0.name.isExactly(evaluated.target) }.map { column in
      switch column.values {
      case .numeric(let values):
        Slicing(
          column.name, numbers: evaluated.places.map { values[$0] },
          names: column.areNames ? TablePreprocessing.classNames(column, evaluated.places) : [])
      case .categorical(let values): Slicing(column.name, words: evaluated.places.map { values[$0] })
      }
    }
  }
}
