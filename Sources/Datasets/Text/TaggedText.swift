import AviaryArchives
import AviaryDiagnostics

/// Reads sentences with a label for each token, one token a line, as the shared tasks of CoNLL have them: the token comes
/// first on its line and its label last, between spaces or tabs; an empty line ends a sentence, and lines that begin with
/// `-DOCSTART-` are passed over. In files whose names end in `.conllu`, of Universal Dependencies, the token is the second
/// column and its part of speech the fourth.
///
/// The sentences become the rows of a table, tokens and labels between spaces.
struct TaggedText {
  private var tokens: [String] = []
  private var tags: [String] = []
  /// The number of the line that the sentence begins on.
  private var first = 0
  private var sentences: [String?] = []
  private var labels: [String?] = []
  private var lines: [Int] = []
  /// The number of tokens so far.
  private var count = 0

  /// Whether a name is that of a file that has one token a line: any but a table's.
  static func isName(_ path: String) -> Bool { !TableFormat.isTable(path) }

  /// - Parameters:
  ///   - columns: the names of the columns that are made of the tokens and of their labels.
  ///   - needsTags: whether lines without a label are refused.
  static func table(
    _ path: String, columns: (tokens: String, tags: String), needsTags: Bool, limit: Int = CSVLimits().bytes
  ) throws(TableFault) -> Table {
    let bytes: ByteRegion
    do throws(ArchiveFault) { bytes = try MappedFile(path: path).bytes } catch {
      throw .unreadable(reason: error.description)
    }
    guard bytes.count <= limit else {
      throw .tooLarge(path: path, what: "bytes", count: bytes.count, limit: limit)
    }
    return try table(bytes.array(), path: path, columns: columns, needsTags: needsTags)
  }

  /// The same from bytes in memory.
  static func table(
    _ bytes: [UInt8], path: String, columns: (tokens: String, tags: String), needsTags: Bool
  ) throws(TableFault) -> Table {
    var reader = TaggedText()
    let isTreebank = path.hasSuffix(".conllu")
    let bytes = TextEncoding.utf8(bytes).bytes
    let content = bytes.starts(with: TextEncoding.byteOrderMark) ? bytes[3...] : bytes[...]
    var (number, start) = (0, content.startIndex)
    while start < content.endIndex {
      let end = content[start...].firstIndex(of: UInt8(ascii: "\n")) ?? content.endIndex
      number += 1
      guard let text = String(validating: content[start..<end], as: UTF8.self) else {
        throw .notUTF8(path: path, row: number, column: "1")
      }
      try reader.read(text, number, path, isTreebank: isTreebank, needsTags: needsTags)
      guard reader.count <= CSVLimits().cells else {
        throw .tooLarge(path: path, what: "tokens", count: reader.count, limit: CSVLimits().cells)
      }
      start = end + 1
    }
    reader.endSentence()
    guard !reader.sentences.isEmpty else { throw .noRows(path: path) }
    return Table(
      [
        .init(columns.tokens, .categorical(reader.sentences)), .init(columns.tags, .categorical(reader.labels)),
      ], path: path, rowNumbers: reader.lines)
  }

  private mutating func read(
    _ line: String, _ number: Int, _ path: String, isTreebank: Bool, needsTags: Bool
  ) throws(TableFault) {
    let fields =
      isTreebank
      ? line.split(separator: "\t", omittingEmptySubsequences: false).map { Self.joined($0) }
      : line.split(whereSeparator: \.isWhitespace).map(String.init)
    guard let token = fields.first, !fields.allSatisfy(\.isEmpty) else { return endSentence() }
    if isTreebank {
      // Remarks, words of several parts, and words that are not written.
      if token.hasPrefix("#") || token.contains("-") || token.contains(".") { return }
      guard fields.count >= 4, !fields[1].isEmpty, !fields[3].isEmpty else {
        throw .ragged(path: path, row: number, fields: fields.count, expected: 4)
      }
      add(fields[1], fields[3], number)
    } else if token != "-DOCSTART-" {
      guard fields.count >= 2 || !needsTags else { throw .noTag(path: path, line: number, token: token) }
      add(token, fields.count >= 2 ? fields[fields.count - 1] : nil, number)
    }
  }

  /// A field as one token.
  private static func joined(_ field: Substring) -> String {
    field.split(whereSeparator: \.isWhitespace).joined(separator: "_")
  }

  private mutating func add(_ token: String, _ tag: String?, _ number: Int) {
    if tokens.isEmpty { first = number }
    count += 1
    tokens.append(token)
    if let tag { tags.append(tag) }
  }

  private mutating func endSentence() {
    guard !tokens.isEmpty else { return }
    sentences.append(tokens.joined(separator: " "))
    labels.append(tags.count == tokens.count ? tags.joined(separator: " ") : nil)
    lines.append(first)
    (tokens, tags) = ([], [])
  }
}
