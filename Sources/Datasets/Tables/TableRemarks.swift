import AviaryDiagnostics

// What a person should know about how a file was read.

extension Table {
  /// How fields were understood where they could have been understood otherwise, a line each: the separator, numbers that are
  /// not in decimal notation, two decimal marks in one file, words among numbers, markers of missing values, and columns of many different words.
  ///
  /// - Parameter names: the columns that count; nil for all.
  public func remarks(on names: [String]? = nil) -> [String] {
    let asked = names.map { ExactSet($0) }
    var remarks: [String] = []
    if let separatorRemark { remarks.append(separatorRemark) }
    remarks += fileRemarks
    for column in columns where asked?.contains(column.name) ?? true {
      remarks += column.remarks
      if let remark = column.manyWords { remarks.append(remark) }
    }
    return remarks
  }
}

extension Table {
  /// What is lost where columns count as numbers whose texts say more, a line each.
  package func remarks(onNumbers names: [String]) -> [String] {
    let asked = ExactSet(names)
    return columns.filter { asked.contains($0.name) }.compactMap { column in
      column.lostText.map { "column \(column.name): \($0)" }
    }
  }
}

/// A number of things.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension Table.Column {
  /// Whether texts say more than the numbers do: codes such as 007, and integers of which two are one number.
  package var areNames: Bool { code != nil || hasEqualNumbers }

  /// A whole number with a zero before it, if there is one.
  private var code: String? {
    texts.lazy.compactMap { $0 }.first { text in
      text.utf8.drop { $0 == UInt8(ascii: "-") }.first == UInt8(ascii: "0") && !text.utf8.contains(UInt8(ascii: "."))
    }
  }

  private var hasEqualNumbers: Bool {
    guard case .numeric(let values) = values, !texts.isEmpty else { return false }
    let names = TablePreprocessing.classNames(self, Array(values.indices))
    return Set(names.lazy.compactMap { $0.map { ExactText($0) } }).count > Set(values.lazy.compactMap { $0 }).count
  }

  /// What numbers do not say of their texts; nil where they say it all.
  fileprivate var lostText: String? {
    if let code {
      return
        "counts as numbers, without the zeros before them, such as '\(code)'; if these are codes, exclude the column, or write a letter before each"
    }
    guard hasEqualNumbers, let long = texts.lazy.compactMap({ $0 }).first else { return nil }
    return
      "different fields become one number, because numbers keep 15 to 17 digits, such as '\(long)'; exclude the column if it only names things"
  }

  /// Whether most fields are of several words each, and are more than names.
  static func areTexts(_ fields: [String]) -> Bool {
    fields.count { $0.split(separator: " ", maxSplits: 2).count == 3 } * 2 > fields.count
  }

  /// Of a column of dates that were not asked for, and of one most of whose words stand in one row: as categories they say nothing about other rows.
  fileprivate var manyWords: String? {
    guard case .categorical(let values) = values else { return nil }
    let present = values.compactMap { $0 }
    guard present.count > 20 else { return nil }
    let different = Set(present.map { ExactText($0) }).count
    guard different * 2 > present.count else { return nil }
    if DateFormat.ofAll(present) != nil { return "column \(name): dates; --dates '\(name)' makes numbers of them" }
    if Self.areTexts(present) {
      return
        "column \(name): \(different) different texts in \(present.count) rows; --text '\(name)' reads their words, or exclude it"
    }
    return "column \(name): \(different) different words in \(present.count) rows; exclude it if it only names the rows"
  }
}
