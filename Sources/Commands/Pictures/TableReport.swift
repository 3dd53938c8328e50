import Aviary
import AviaryPictures

extension DataReport {
  init(_ description: TableDescription) {
    let rows = description.files.reduce(0) { $0 + $1.rows }
    let names = description.files.map(\.path)
    lines.append("\(names[0]): table, \(counted(rows, "row")), \(counted(description.columns.count, "column"))")
    if names.count > 1 { lines += description.files.map { "    \(counted($0.rows, "row")) of \($0.path)" } }
    lines.append("")
    addColumns(description)
    if !description.classes.isEmpty, let target = description.target { addClasses(description.classes, target) }
    for column in description.columns {
      if let warning = column.warning { warn("column \(column.name): \(warning)") }
    }
    for remark in description.remarks { warn(remark) }
    addRepeats(description.repeats)
    members = [
      .init("path", .text(names[0])), .init("kind", .text("tables")),
      .init("files", .array(description.files.map { .members(["path": .text($0.path), "rows": .integer($0.rows)]) })),
      .init("target", description.target.map { .text($0) } ?? .null),
      .init("columns", .array(description.columns.map(Self.column))),
      .init(
        "classes",
        .array(description.classes.map { .members(["name": .text($0.name), "rows": .integer($0.count)]) })),
      .init("equal_rows", .integer(description.repeats.rows)),
      .init("equal_rows_across_files", .integer(description.repeats.acrossFiles)),
      .init("contradicting_rows", .integer(description.repeats.contradictions)),
      .init("remarks", .texts(description.remarks)),
    ]
  }

  private mutating func addColumns(_ description: TableDescription) {
    let hasTarget = description.target != nil
    var rows = [["column", "type", "missing", "different", "values"] + (hasTarget ? ["with the target"] : [])]
    for column in description.columns {
      let isTarget = description.target.map(column.name.isExactly) ?? false
      let values: String
      if let numbers = column.numbers {
        func text(_ value: Double) -> String { ChartNumber.text(value, digits: 5) }
        values =
          "\(text(numbers.least)) to \(text(numbers.most)), mean \(text(numbers.mean)) ± \(text(numbers.deviation)), median \(text(numbers.median))"
      } else {
        values =
          column.words.prefix(3).map { "\($0.word.prefix(24)) (\(grouped($0.count)))" }.joined(separator: ", ")
          + (column.distinct > 3 ? ", …" : "")
      }
      let association = column.association.map { "\(fixed($0.value, 3))  \($0.measure.rawValue)" }
      rows.append(
        [
          column.name, column.kind == .numeric ? "numbers" : "words",
          column.missing == 0 ? "-" : grouped(column.missing), grouped(column.distinct), values,
        ] + (hasTarget ? [isTarget ? "the target" : association ?? "-"] : []))
    }
    lines += table(rows, right: [2, 3])
  }

  private mutating func addClasses(_ classes: [(name: String, count: Int)], _ target: String) {
    let total = classes.reduce(0) { $0 + $1.count }
    lines.append("")
    let shown = classes.prefix(20).map {
      [$0.name, grouped($0.count), percent(Double($0.count) / Double(max(total, 1)))]
    }
    lines += table([[target, "rows", "share"]] + shown, right: [1, 2])
    if classes.count > 20 { lines.append("and \(classes.count - 20) more") }
    if let most = classes.first, let least = classes.last, most.count >= 3 * least.count {
      warn("unbalanced: '\(most.name)' has \(counted(most.count, "row")), '\(least.name)' \(grouped(least.count))")
    }
  }

  private mutating func addRepeats(_ repeats: TableDescription.Repeats) {
    if repeats.acrossFiles > 0 {
      warn("\(counted(repeats.acrossFiles, "row")) of a later file are in an earlier one, too: a leak")
    }
    if repeats.contradictions > 0 {
      warn("\(counted(repeats.contradictions, "group")) of rows differ in the target alone")
    }
    if repeats.rows > 0 {
      lines.append(
        "equal rows: \(grouped(repeats.rows)) beyond the first of their kind; a random split puts some into both parts")
    } else {
      lines.append("equal rows: none")
    }
  }

  private static func column(_ column: TableDescription.Column) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .text(column.name)), .init("kind", .text(column.kind.rawValue)),
      .init("missing", .integer(column.missing)), .init("distinct", .integer(column.distinct)),
    ]
    if let numbers = column.numbers {
      members += [
        .init("min", .real(numbers.least)), .init("mean", .real(numbers.mean)), .init("std", .real(numbers.deviation)),
        .init("median", .real(numbers.median)), .init("max", .real(numbers.most)),
      ]
    }
    if !column.words.isEmpty {
      members.append(
        .init("words", .array(column.words.map { .members(["word": .text($0.word), "rows": .integer($0.count)]) })))
    }
    if let association = column.association {
      members.append(
        .init(
          "association",
          .members(["measure": .text(association.measure.rawValue), "value": .real(association.value)])))
    }
    if let warning = column.warning { members.append(.init("warning", .text(warning))) }
    return .object(members)
  }
}
