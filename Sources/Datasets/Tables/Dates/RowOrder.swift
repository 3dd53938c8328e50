import AviaryDiagnostics

// Rows that are taken in their order, and what dates beside them say of it.

extension Table {
  /// What a person should know where dates say that rows which are taken in their order stand in another one, a line for each
  /// column of dates.
  ///
  /// - Parameters:
  ///   - isSeries: whether the rows are steps of one time series, of equal length.
  ///   - dates: columns that are known to hold dates, and how these are written there.
  package func remarksOnOrder(isSeries: Bool, dates: [DateColumn] = []) -> [String] {
    columns.compactMap { column in
      let values: [String?]
      let formats: [DateFormat]
      if let date = dates.first(where: { $0.name.isExactly(column.name) }) {
        guard let texts = try? DateColumn.texts(of: self, column.name) else { return nil }
        (values, formats) = (texts, [date.format])
      } else if case .categorical(let words) = column.values {
        (values, formats) = (words, DateFormat.known)
      } else {
        return nil
      }
      // Most columns of words show by their first field that they hold no dates.
      guard let first = values.lazy.compactMap({ $0 }).first,
        formats.contains(where: { $0.time(of: trimmed(first)) != nil })
      else { return nil }
      let present = values.indices.filter { values[$0] != nil }
      let texts = present.map { trimmed(values[$0] ?? "") }
      guard texts.count > 1 else { return nil }
      let orders = formats.compactMap { RowOrder(texts, rows: present.map { rowNumbers[$0] }, $0) }
      // 3/4/2024 may be March or April: what rises is meant, or what falls.
      guard let order = orders.first(where: \.isRising) ?? orders.first(where: \.isFalling) ?? orders.first else {
        return nil
      }
      return order.remark(isSeries: isSeries).map { "column \(column.name): \($0)" }
    }
  }
}

/// How the dates of a column follow each other.
private struct RowOrder {
  private let texts: [String]
  private let rows: [Int]
  /// From each row to the next one, in seconds.
  private let steps: [Double]

  /// A rarer step is not what the rows are apart: days of business are one or three days apart, months 28 to 31.
  private static let usualShare = 0.9

  /// nil where a text is no date of the format.
  init?(_ texts: [String], rows: [Int], _ format: DateFormat) {
    var seconds: [Double] = []
    for text in texts {
      guard let time = format.time(of: text) else { return nil }
      seconds.append(time.secondsSince1970)
    }
    (self.texts, self.rows) = (texts, rows)
    steps = zip(seconds, seconds.dropFirst()).map { $1 - $0 }
  }

  var isRising: Bool { steps.allSatisfy { $0 >= 0 } }
  var isFalling: Bool { steps.allSatisfy { $0 <= 0 } }

  func remark(isSeries: Bool) -> String? {
    if let fall = steps.firstIndex(where: { $0 < 0 }) {
      if isFalling {
        return
          "the newest row comes first, and rows are taken in their order, the last one for the newest; turn the order round"
      }
      return
        "row \(rows[fall + 1]) ('\(texts[fall + 1])') is before row \(rows[fall]) ('\(texts[fall])'), and rows are taken in their "
        + "order; sort them\(isSeries ? ", and give a file for each series" : "")"
    }
    guard isSeries else { return nil }
    if let same = steps.firstIndex(of: 0) {
      return
        "rows \(rows[same]) and \(rows[same + 1]) have the same time, and all rows are taken for one series; give a file for each series"
    }
    let counts = steps.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    guard counts.count > 1, let (usual, count) = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
      Double(count) >= Self.usualShare * Double(steps.count), let other = steps.firstIndex(where: { $0 != usual })
    else { return nil }
    return
      "rows are \(Self.words(usual)) apart, but for \(steps.count - count) of \(steps.count), the first between rows "
      + "\(rows[other]) and \(rows[other + 1]): windows count rows, whatever lies between them"
  }

  private static func words(_ seconds: Double) -> String {
    for (length, noun) in [(86_400.0, "day"), (3600, "hour"), (60, "minute")]
    where seconds.truncatingRemainder(dividingBy: length) == 0 {
      return counted(Int(seconds / length), noun)
    }
    return "\(seconds) seconds"
  }
}
