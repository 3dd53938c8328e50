import AviaryDiagnostics

// Fields of several parts: the tokens of a text and their labels, in lists of JSON or between spaces.

extension Table {
  /// The parts of each field of a column of words: the elements of its list, or what stands between spaces; nil where a field
  /// is missing.
  func parts(of name: String) throws(TableFault) -> [[String]?] {
    if let lists = try lists(of: name) { return lists }
    let texts = try TextColumnPreprocessing.texts(of: self, name)
    // Its brackets and commas would be parts of tokens.
    if let row = texts.firstIndex(where: { $0 != nil }),
      texts.allSatisfy({ text in text.map { $0.hasPrefix("[") && $0.hasSuffix("]") } ?? true })
    {
      throw .listAsText(path: path, row: rowNumbers[row], column: name, text: texts[row] ?? "")
    }
    return texts.map { text in text.map { $0.split(whereSeparator: \.isWhitespace).map(String.init) } }
  }

  /// The elements of the lists in a column; nil of a column that holds none.
  func lists(of name: String) throws(TableFault) -> [[String]?]? {
    let column = try column(name)
    guard column.holdsLists, case .categorical(let fields) = column.values else { return nil }
    var lists: [[String]?] = []
    for (row, field) in zip(rowNumbers, fields) {
      let list = field.map { JSONTableReader.elements(ofList: $0) }
      if case .some(nil) = list { throw .notAList(path: path, row: row, column: name) }
      lists.append(list ?? nil)
    }
    return lists
  }
}
