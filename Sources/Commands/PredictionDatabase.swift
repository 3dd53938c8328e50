import Aviary
import AviaryArchives
import AviarySQLite

/// Why predictions cannot be written to a database.
enum PredictionDatabaseFault: ArchiveFaultCarrying, CustomStringConvertible {
  case archive(ArchiveFault)
  case sqlite(String)

  var description: String {
    switch self {
    case .archive(let fault): "\(fault)"
    case .sqlite(let reason): reason
    }
  }
}

extension PredictionColumns {
  /// SQLite's own limit, unless it was built with another.
  private static let mostColumns = 2000

  /// Writes the table `predictions`, the whole of it or nothing.
  func writeDatabase(to path: String) throws {
    guard names.count <= Self.mostColumns else {
      throw CommandFault.badOutput(
        path: path,
        reason: "SQLite has at most \(Self.mostColumns) columns, and the predictions \(names.count); write .jsonl")
    }
    for name in names { tellOfBytes(in: name) }
    try writeDurably(to: path) { (temporary) throws(PredictionDatabaseFault) in
      do {
        let database = try SQLiteDatabase(path: temporary)
        // The file gets its name when it is whole: nothing is to be rolled back.
        _ = try database.rows("PRAGMA journal_mode = OFF")
        let columns =
          names.isEmpty
          ? ["prediction TEXT"] : names.indices.map { "\(SQLiteDatabase.quoted(names[$0])) \(type(ofColumn: $0))" }
        try database.execute("CREATE TABLE predictions (\(columns.joined(separator: ", ")))")
        let places = names.map { _ in "?" }.joined(separator: ", ")
        try database.transaction {
          for row in rows { try database.execute("INSERT INTO predictions VALUES (\(places))", row.map(Self.value)) }
        }
      } catch {
        throw .sqlite("\(error)".replacing(temporary, with: path))
      }
    }
  }

  private func type(ofColumn place: Int) -> String {
    var type = "INTEGER"
    for row in rows {
      switch row[place] {
      case nil, .null?, .boolean?: continue
      case .number(let digits)?: if Int64(digits) == nil { type = "REAL" }
      default: return "TEXT"
      }
    }
    return type
  }

  private static func value(_ value: JSONValue?) -> SQLiteValue {
    switch value {
    case nil, .null?: .null
    case .boolean(let isTrue)?: .integer(isTrue ? 1 : 0)
    case .number(let digits)?: Int64(digits).map { .integer($0) } ?? Double(digits).map { .real($0) } ?? .text(digits)
    case .text(let text)?: told(text)
    case .some(let other): told(other.serialized)
    }
  }

  /// A text, after a line where it has bytes that are not UTF-8.
  private static func told(_ text: String) -> SQLiteValue {
    tellOfBytes(in: text)
    return .text(text)
  }
}
