import Aviary

// The columns of tables as inputs of a Keras network.

extension Table {
  /// Reads a file some of whose columns hold texts, even if all of them look like numbers.
  init(csv path: String, texts: [String]) throws(TableFault) {
    self = try Table(
      csv: path, kinds: Dictionary(texts.map { ($0, Table.Kind.categorical) }, uniquingKeysWith: { first, _ in first }))
  }

  /// What an input is given of each row.
  ///
  /// - Parameter columns: nil for all.
  func feed(_ input: KerasInput, columns: [String]?) throws -> InputFeed {
    let name = input.label ?? input.name
    let own = columns ?? names
    guard let width = input.shape[0] ?? own.count as Int?, own.count == width else {
      throw FeedFault.noColumns(table: path, input: name, takes: input.described, columns: own)
    }
    var found: [Column] = []
    for column in own {
      guard let known = self[column] else { throw TableFault.noColumn(path: path, name: column, columns: names) }
      found.append(known)
    }
    let places = rowNumbers.map { InputFeed.Place(path: path, item: ("row", $0)) }
    let rows = 0..<rowCount
    if input.isText {
      let texts = try found.map { try $0.texts(path) }
      return InputFeed(
        input: input, content: .texts(rows.map { row in Self.whole(texts.map { $0[row] }) }), places: places)
    }
    let numbers = try found.map { try $0.numbers(path, rowNumbers) }
    return InputFeed(
      input: input, content: .rows(rows.map { row in Self.whole(numbers.map { $0[row] }) }), places: places)
  }

  /// All rows as the steps of one sequence.
  func steps(_ columns: [String]?, _ input: KerasInput) throws -> [[Float]] {
    let feed = try feed(KerasInput(input.name, [input.shape[0]]), columns: columns)
    guard case .rows(let rows) = feed.content else { return [] }
    if let row = rows.firstIndex(where: { $0 == nil }) {
      throw FeedFault.missingStep(table: path, row: rowNumbers[row])
    }
    if let steps = input.shape[1], steps != rows.count {
      throw FeedFault.otherLength(table: path, rows: rows.count, input: input.label ?? input.name, steps: steps)
    }
    return rows.compactMap { $0 }
  }

  private static func whole<Value>(_ values: [Value?]) -> [Value]? {
    let known = values.compactMap { $0 }
    return known.count == values.count ? known : nil
  }
}

extension Table.Column {
  fileprivate func texts(_ path: String) throws(TableFault) -> [String?] {
    guard case .categorical(let texts) = values else { throw .noTexts(path: path, column: name) }
    return texts
  }

  fileprivate func numbers(_ path: String, _ rows: [Int]) throws(TableFault) -> [Float?] {
    guard case .numeric(let numbers) = values else { throw .notNumeric(path: path, column: name) }
    var found: [Float?] = []
    for (number, row) in zip(numbers, rows) {
      if let number, !Float(number).isFinite { throw .outOfRange(path: path, row: row, column: name) }
      found.append(number.map { Float($0) })
    }
    return found
  }
}

extension Preprocessing {
  /// The same for the size and the colours that an input of a network has.
  func suited(to input: KerasInput) -> Preprocessing {
    var result = self
    if let height = input.shape[1], let width = input.shape[2] {
      result = result.withSize(ImageSize(height: height, width: width))
    }
    guard let channels = input.shape[0], channels != result.channels.count else { return result }
    return channels == 1 ? result.withChannels(.grey) : result.withChannels(.rgb)
  }
}
