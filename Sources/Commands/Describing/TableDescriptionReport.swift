import Aviary
import AviaryPictures

extension DataReport {
  /// The most columns of numbers whose histograms are drawn.
  private static let mostHistograms = 60

  init(_ description: TableDescription) {
    let rows = description.files.reduce(0) { $0 + $1.rows }
    let names = description.files.map(\.path)
    summary = "\(names[0]): table, \(counted(rows, "row")), \(counted(description.columns.count, "column"))"
    if names.count > 1 {
      let files = description.files.map { "\(counted($0.rows, "row")) of \($0.path)" }
      sections.append(.init(id: "files", title: "Files", blocks: [.items(files)], isSetOff: false))
    }
    sections.append(.init(id: "columns", title: "Columns", blocks: [Self.columns(description)]))
    if !description.classes.isEmpty, let target = description.target {
      sections.append(.init(id: "target", title: "Target", blocks: Self.classes(description.classes, target)))
    }
    var findings: [Block] = description.columns.compactMap { column in
      column.warning.map { .warning("column \(column.name): \($0)") }
    }
    findings += description.remarks.map { .warning($0) }
    findings += Self.repeats(description.repeats)
    sections.append(.init(id: "findings", title: "Findings", blocks: findings, isSetOff: false))
    let histograms = Self.histograms(description)
    if !histograms.isEmpty {
      sections.append(
        .init(id: "histograms", title: "Histograms", blocks: histograms, isSetOff: false))
    }
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

  private static func columns(_ description: TableDescription) -> Block {
    let hasTarget = description.target != nil
    let rows = description.columns.map { column in
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
      return [
        column.name, column.kind == .numeric ? "numbers" : "words",
        column.missing == 0 ? "-" : grouped(column.missing), grouped(column.distinct), values,
      ] + (hasTarget ? [isTarget ? "the target" : association ?? "-"] : [])
    }
    return .listing(
      .init(
        caption: "Columns of the table",
        header: ["column", "type", "missing", "different", "values"] + (hasTarget ? ["with the target"] : []),
        rows: rows, numbers: [2, 3]))
  }

  private static func classes(_ classes: [(name: String, count: Int)], _ target: String) -> [Block] {
    let total = classes.reduce(0) { $0 + $1.count }
    let shown = classes.prefix(20).map {
      [$0.name, grouped($0.count), percent(Double($0.count) / Double(max(total, 1)))]
    }
    var blocks: [Block] = [
      .listing(
        .init(
          caption: "Rows by class", header: [target, "rows", "share"], rows: shown, numbers: [1, 2],
          rest: classes.count > 20 ? "and \(classes.count - 20) more" : nil))
    ]
    if let most = classes.first, let least = classes.last, most.count >= 3 * least.count {
      blocks.append(
        .warning(
          "unbalanced: '\(most.name)' has \(counted(most.count, "row")), '\(least.name)' \(grouped(least.count))"))
    }
    return blocks
  }

  private static func repeats(_ repeats: TableDescription.Repeats) -> [Block] {
    var blocks: [Block] = []
    if repeats.acrossFiles > 0 {
      blocks.append(
        .warning("\(counted(repeats.acrossFiles, "row")) of a later file are in an earlier one, too: a leak"))
    }
    if repeats.contradictions > 0 {
      blocks.append(.warning("\(counted(repeats.contradictions, "group")) of rows differ in the target alone"))
    }
    blocks.append(
      .line(
        repeats.rows > 0
          ? "equal rows: \(grouped(repeats.rows)) beyond the first of their kind; a random split puts some into both parts"
          : "equal rows: none"))
    return blocks
  }

  /// How the numbers of each column are distributed.
  private static func histograms(_ description: TableDescription) -> [Block] {
    let columns = description.columns.filter { $0.distinct > 1 && $0.numbers != nil }
    let tiles = columns.prefix(mostHistograms).compactMap { column -> Tile? in
      guard let numbers = column.numbers else { return nil }
      return Tile(
        picture: histogram(numbers, of: column.name),
        lines: [
          column.name, "\(ChartNumber.text(numbers.least, digits: 4)) to \(ChartNumber.text(numbers.most, digits: 4))",
        ])
    }
    guard !tiles.isEmpty else { return [] }
    let more = columns.count - tiles.count
    return [.tiles(nil, tiles)] + (more > 0 ? [.tiles("and \(counted(more, "more column"))", [])] : [])
  }

  private static func histogram(_ numbers: TableDescription.Numbers, of name: String) -> Drawing {
    let (width, height) = (240.0, 120.0)
    var drawing = Drawing(width: width, height: height, title: "Histogram of \(printable(name))", background: nil)
    let (most, count) = (Double(numbers.histogram.max() ?? 1), Double(numbers.histogram.count))
    for (place, rows) in numbers.histogram.enumerated() where rows > 0 {
      // What is there at all is seen.
      let bar = max(Double(rows) / most * (height - 4), 1)
      drawing.rectangle(
        .init(x: Double(place) * width / count + 0.5, y: height - bar, width: width / count - 1, height: bar),
        fill: .series(0))
    }
    drawing.line(from: .init(x: 0, y: height), to: .init(x: width, y: height), .init(.faint))
    return drawing
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
        .init("histogram", .array(numbers.histogram.map { .integer($0) })),
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
