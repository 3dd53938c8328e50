import AviaryDiagnostics
import AviaryPlatform

/// Which columns of a table hold dates, and what they are made into.
public struct DateSettings: Codable, Equatable, Sendable {
  /// The names of the columns.
  public var columns: [String]
  /// `iso`, `month-names`, `day-first`, `month-first`, or a pattern of `strptime` such as %d.%m.%y; nil to find out.
  public var format: String?
  /// nil for year, month, day and weekday, and hour and minute where a column has any.
  public var parts: [DatePart]?
  /// Whether what comes again, such as months, becomes a point on a circle, its sine and cosine.
  public var isCyclical: Bool

  /// Columns whose format and parts are found out unless they are given.
  public init(columns: [String], format: String? = nil, parts: [DatePart]? = nil, isCyclical: Bool = false) {
    self.columns = columns
    self.format = format
    self.parts = parts
    self.isCyclical = isCyclical
  }

  /// Whether a text names a format, or is a pattern.
  public static func isFormat(_ word: String) -> Bool { DateFormat(word: word) != nil }

  func validate(target: String) throws(TableFault) {
    guard !columns.isEmpty, columns.areDistinct else {
      throw .invalidSetting(name: "columns of dates", value: "\(columns)", allowed: "at least one, each once")
    }
    if columns.holds(target) {
      throw .invalidSetting(name: "column of dates", value: "'\(target)'", allowed: "another than the target")
    }
    if let format, DateFormat(word: format) == nil {
      throw .invalidSetting(
        name: "date format", value: "'\(format)'",
        allowed: "iso, month-names, day-first, month-first, or a pattern such as %d.%m.%Y")
    }
    if let parts, parts.isEmpty || Set(parts).count != parts.count {
      throw .invalidSetting(
        name: "parts of dates", value: "\(parts.map(\.rawValue))", allowed: "at least one, each once")
    }
  }
}

/// A column of dates, and the columns of numbers that it becomes: `born.year`, `born.month`, …
public struct DateColumn: Codable, Equatable, Sendable {
  /// The name of the column of dates.
  public let name: String
  /// How its dates are written.
  public let format: DateFormat
  /// What becomes columns, in this order.
  public let parts: [DatePart]
  /// Whether parts that come again become a sine and a cosine.
  public let isCyclical: Bool

  /// The names of the columns that it becomes.
  public var featureNames: [String] {
    parts.flatMap { part in
      let name = "\(name).\(part.rawValue)"
      return isCyclical && part.cycle != nil ? ["\(name).sin", "\(name).cos"] : [name]
    }
  }

  func validate() throws(TableFault) {
    guard !parts.isEmpty, Set(parts).count == parts.count else {
      throw .unreadablePreprocessing(reason: "a column of dates has no parts, or one twice")
    }
  }

  /// The columns of dates of a table, in the formats that all of their fields have.
  static func columns(
    of table: Table, _ settings: DateSettings, excluding excluded: [String]
  ) throws(TableFault) -> [DateColumn] {
    var columns: [DateColumn] = []
    for name in settings.columns {
      let texts = try texts(of: table, name)
      if excluded.holds(name) { continue }
      let present = zip(table.rowNumbers, texts).compactMap { row, text in text.map { (row: row, text: $0) } }
      guard !present.isEmpty else { throw .noValues(path: table.path, column: name) }
      let format: DateFormat
      if let given = settings.format.flatMap({ DateFormat(word: $0) }) {
        format = given
      } else {
        format = try DateFormat.found(in: present, column: name, path: table.path)
      }
      var column = DateColumn(name: name, format: format, parts: settings.parts ?? [], isCyclical: settings.isCyclical)
      let times = try column.times(texts, table)
      if settings.parts == nil {
        let present = times.compactMap { $0 }
        let hasMinutes = present.contains { $0.minute != 0 || $0.second != 0 }
        let hasHours = hasMinutes || present.contains { $0.hour != 0 }
        column = DateColumn(
          name: name, format: format,
          parts: [.year, .month, .day, .weekday] + (hasHours ? [.hour] : []) + (hasMinutes ? [.minute] : []),
          isCyclical: settings.isCyclical)
      }
      columns.append(column)
    }
    return columns
  }

  /// The fields of a column as they are written; nil where one is missing.
  static func texts(of table: Table, _ name: String) throws(TableFault) -> [String?] {
    let column = try table.column(name)
    switch column.values {
    case .categorical(let values): return values.map { $0.map { trimmed($0) } }
    case .numeric: return TablePreprocessing.classNames(column, Array(0..<table.rowCount))
    }
  }

  fileprivate func times(_ texts: [String?], _ table: Table) throws(TableFault) -> [CivilTime?] {
    var times: [CivilTime?] = []
    times.reserveCapacity(texts.count)
    for (row, text) in zip(table.rowNumbers, texts) {
      guard let text else {
        times.append(nil)
        continue
      }
      guard let time = format.time(of: text) else {
        throw .badDate(path: table.path, row: row, column: name, text: text, format: format.description)
      }
      times.append(time)
    }
    return times
  }

  /// What a person should know of times in several zones; nil where there is one, or none.
  func remarkOnZones(of table: Table) -> String? {
    guard let texts = try? Self.texts(of: table, name), let times = try? times(texts, table) else { return nil }
    var examples: [Int?: String] = [:]
    for (text, time) in zip(texts, times) {
      if let text, let time, examples[time.zone] == nil { examples[time.zone] = text }
    }
    guard examples.count > 1 else { return nil }
    let listed = examples.sorted { ($0.key ?? .min) < ($1.key ?? .min) }.prefix(2).map { "'\($0.value)'" }
    return
      "column \(name): times in different zones, such as \(listed.joined(separator: " and ")), count as they are written; "
      + "write all in one zone if that is not meant"
  }

  /// The columns that the texts become.
  fileprivate func columns(_ texts: [String?], _ table: Table) throws(TableFault) -> [Table.Column] {
    let times = try times(texts, table)
    var columns: [Table.Column] = []
    for part in parts {
      let values = times.map { $0.map { part.value(of: $0) } }
      let name = "\(name).\(part.rawValue)"
      guard isCyclical, let cycle = part.cycle else {
        columns.append(Table.Column(name, .numeric(values)))
        continue
      }
      func turned(_ function: (Double) -> Double) -> Table.Values {
        .numeric(values.map { $0.map { function(2 * .pi * ($0 - cycle.first) / cycle.length) } })
      }
      columns.append(Table.Column(name + ".sin", turned { sin($0) }))
      columns.append(Table.Column(name + ".cos", turned { cos($0) }))
    }
    return columns
  }
}

extension Table {
  /// Whether a column of words holds nothing but dates.
  public func looksLikeDates(_ name: String) -> Bool {
    guard case .categorical(let values)? = self[name]?.values else { return false }
    let texts = values.lazy.compactMap { $0 }.map { trimmed($0) }
    guard !texts.isEmpty else { return false }
    return DateFormat.known.contains { format in
      texts.allSatisfy { format.time(of: $0) != nil }
    }
  }

  /// The same table with columns of numbers in the places of dates.
  func expanding(_ dates: [DateColumn]) throws(TableFault) -> Table {
    var columns: [Column] = []
    for column in self.columns {
      guard let date = dates.first(where: { $0.name.isExactly(column.name) }) else {
        columns.append(column)
        continue
      }
      columns += try date.columns(DateColumn.texts(of: self, date.name), self)
    }
    for date in dates { _ = try self.column(date.name) }
    var known = ExactSet()
    for column in columns where !known.insert(column.name) { throw .duplicateColumn(path: path, name: column.name) }
    return Table(columns, path: path, rowNumbers: rowNumbers)
  }
}
