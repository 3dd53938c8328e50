import Aviary
import AviaryArchives
import AviaryDiagnostics
import Foundation

/// What all inputs of a Keras network are given.
struct InputFeeds {
  let feeds: [InputFeed]
  /// Whether the files were named input by input.
  var areNamed = false

  /// How many examples there are.
  let count: Int

  /// The table that all come from, where they do.
  let table: Table?

  private init(_ feeds: [InputFeed], areNamed: Bool = false, table: Table? = nil) throws(FeedFault) {
    let counts = feeds.map(\.count)
    let most = counts.max() ?? 0
    if let place = counts.firstIndex(where: { $0 != most && $0 != 1 }), let longest = counts.firstIndex(of: most) {
      throw .differentCounts(
        first: feeds[longest].name, most, second: feeds[place].name, counts[place])
    }
    self.feeds = feeds
    self.areNamed = areNamed
    self.table = table
    count = most
  }

  /// The place in a feed of an example: a single one goes with all.
  private func place(_ feed: InputFeed, _ example: Int) -> Int { feed.count == 1 ? 0 : example }

  /// What an example is called: by the first input of which there are several.
  func name(_ example: Int) -> InputFeed.Place {
    let feed = feeds.first { $0.count > 1 } ?? feeds[0]
    return feed.places[place(feed, example)]
  }

  /// What an example consists of, as members of a JSON object.
  func members(_ example: Int) -> [JSONValue.Member] {
    guard areNamed else { return name(example).members }
    let inputs = feeds.map { feed in
      JSONValue.Member(feed.name, .object(feed.places[place(feed, example)].members))
    }
    return [.init("inputs", .object(inputs))]
  }

  /// The inputs of an example, each [1, C, …].
  func tensors(_ example: Int) -> Result<[Tensor], Unfed> {
    var tensors: [Tensor] = []
    for feed in feeds {
      switch feed.tensor(place(feed, example)) {
      case .success(let tensor): tensors.append(tensor)
      case .failure(let unfed): return .failure(unfed)
      }
    }
    return .success(tensors)
  }

  // MARK: Sources

  /// Images for the one input of a network.
  init(images entries: [ImageEntry], _ input: KerasInput, _ preprocessing: Preprocessing) throws(FeedFault) {
    try self.init([
      InputFeed(
        input: input, content: .images(entries, preprocessing), places: entries.map { InputFeed.Place(path: $0.path) })
    ])
  }

  /// A file for each input: NAME=FILE, and NAME=TABLE:COLUMN,…
  ///
  /// - Parameter preprocessing: of images; nil where the checkpoint does not say.
  init(named given: [NamedInput], _ inputs: [KerasInput], _ preprocessing: Preprocessing?, path: String) throws {
    var feeds: [InputFeed] = []
    for input in inputs {
      let name = input.label ?? input.name
      let own = given.filter { $0.name.isExactly(name) || (inputs.count == 1 && $0.name == "input") }
      guard let source = own.first else { throw FeedFault.missing(path: path, input: name, takes: input.described) }
      if own.count > 1 { throw FeedFault.twice(input: name) }
      feeds.append(try Self.feed(input, source, preprocessing, path: path))
    }
    let known = inputs.map { $0.label ?? $0.name }
    if let other = given.first(where: { !known.holds($0.name) && !(inputs.count == 1 && $0.name == "input") }) {
      throw FeedFault.unknown(path: path, input: other.name, known: known)
    }
    try self.init(feeds, areNamed: true)
  }

  private static func feed(
    _ input: KerasInput, _ source: NamedInput, _ preprocessing: Preprocessing?, path: String
  ) throws -> InputFeed {
    let file = source.file
    if input.isText, file.hasSuffix(".txt") { return try lines(of: file, input) }
    if TableFormat.isTable(file) || source.columns != nil {
      let table = try Table(csv: file, texts: input.isText ? source.columns ?? [] : [])
      if input.shape.count == 2, !input.isText {
        return InputFeed(
          input: input, content: .sequence(try table.steps(source.columns, input)),
          places: [InputFeed.Place(path: file)])
      }
      guard input.shape.count == 1 || input.isText else {
        throw FeedFault.unsuited(file: file, input: source.name, takes: input.described)
      }
      return try table.feed(input, columns: source.columns)
    }
    guard input.shape.count == 3 else {
      throw FeedFault.unsuited(file: file, input: source.name, takes: input.described)
    }
    guard let preprocessing else { throw CommandFault.noPreprocessing(path: path) }
    let selection = try ImageSelection(file)
    if let remark = selection.remark(on: file) { tell(remark) }
    return InputFeed(
      input: input, content: .images(selection.entries, preprocessing.suited(to: input)),
      places: selection.entries.map { InputFeed.Place(path: $0.path) })
  }

  /// The lines of a text file, empty ones left out.
  private static func lines(of file: String, _ input: KerasInput) throws -> InputFeed {
    guard input.shape[0] == 1 else {
      throw FeedFault.unsuited(file: file, input: input.label ?? input.name, takes: input.described)
    }
    let bytes = try MappedFile(path: file, map: false).bytes.array()
    guard let text = TextEncoding.text(bytes) else { throw FeedFault.notText(file: file) }
    var texts: [[String]?] = []
    var places: [InputFeed.Place] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    where !trimmed(line).isEmpty {
      texts.append([String(line)])
      places.append(InputFeed.Place(path: file, item: ("line", index + 1)))
    }
    guard !texts.isEmpty else { throw FeedFault.notText(file: file) }
    return InputFeed(input: input, content: .texts(texts), places: places)
  }

  /// A text file for the one input of a network.
  init(texts file: String, _ inputs: [KerasInput], path: String) throws {
    guard inputs.count == 1, inputs[0].isText else {
      throw FeedFault.unsuited(
        file: file, input: inputs.first.map { $0.label ?? $0.name } ?? "",
        takes: inputs.map(\.described).joined(separator: ", "))
    }
    try self.init([try Self.lines(of: file, inputs[0])])
  }

  /// A table whose columns are called as the inputs are; or, where none is, hold what they take in their order.
  ///
  /// - Parameter left: columns that are no inputs.
  init(table file: String, _ inputs: [KerasInput], leavingOut left: [String], path: String) throws {
    let names = try Table(csv: file).names
    for name in left where !names.holds(name) {
      throw TableFault.noColumn(path: file, name: name, columns: names)
    }
    let usable = names.filter { !left.holds($0) }
    func fault(_ inputs: [KerasInput]) -> FeedFault {
      .noColumns(
        table: file, input: inputs.map { $0.label ?? $0.name }.joined(separator: "', '"),
        takes: inputs.map(\.described).joined(separator: ", "), columns: usable)
    }
    var columns: [[String]] = []
    if inputs.allSatisfy(\.isSingle), inputs.contains(where: { usable.holds($0.label ?? $0.name) }) {
      if let lost = inputs.first(where: { !usable.holds($0.label ?? $0.name) }) { throw fault([lost]) }
      columns = inputs.map { [$0.label ?? $0.name] }
    } else {
      let widths = inputs.map { input in
        input.shape.count == 1 || input.isText ? input.shape[0] ?? (inputs.count == 1 ? usable.count : 0) : 0
      }
      guard !widths.contains(0), widths.reduce(0, +) == usable.count else { throw fault(inputs) }
      var rest = usable[...]
      for (input, width) in zip(inputs, widths) {
        columns.append(Array(rest.prefix(width)))
        rest = rest.dropFirst(width)
        // A column with the name of an input is not taken for another's.
        let name = input.label ?? input.name
        if input.isSingle, usable.holds(name), columns.last != [name] { throw fault([input]) }
      }
    }
    let texts = zip(inputs, columns).filter(\.0.isText).flatMap(\.1)
    let table = try Table(csv: file, texts: texts)
    var feeds: [InputFeed] = []
    for (input, own) in zip(inputs, columns) { feeds.append(try table.feed(input, columns: own)) }
    tell(
      "\(path): is given "
        + zip(inputs, columns).map { "\($0.label ?? $0.name) = \($1.joined(separator: ", "))" }
        .joined(separator: "; "))
    try self.init(feeds, table: table)
  }
}

extension [String] {
  /// Whether one of them has the same bytes.
  func holds(_ word: String) -> Bool { contains { $0.isExactly(word) } }
}

/// NAME=FILE, or NAME=TABLE:COLUMN,…
struct NamedInput {
  let name: String
  let file: String
  let columns: [String]?

  /// Nil where there is no name, or no file.
  init?(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    name = parts[0]
    let place = TableFormat.allCases.flatMap(\.endings).compactMap { parts[1].range(of: $0 + ":") }.first
    if let place, !FileSystem.exists(parts[1]) {
      file = String(parts[1][..<place.upperBound].dropLast())
      columns = parts[1][place.upperBound...].split(separator: ",").map { trimmed($0) }
    } else {
      file = parts[1]
      columns = nil
    }
  }
}
