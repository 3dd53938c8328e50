import AviaryArchives
import AviaryDiagnostics
import CSQLite

/// A SQLite database: statements with values in, rows of values out.
///
/// ```swift
/// let database = try SQLiteDatabase(path: "birds.sqlite")
/// try database.execute("CREATE TABLE birds (name TEXT, grams REAL)")
/// try database.transaction {
///   try database.execute("INSERT INTO birds VALUES (?, ?)", [.text("wren"), .real(9)])
/// }
/// let names = try database.rows("SELECT name FROM birds").map { $0[0].text }
/// ```
///
/// A statement is prepared once and used again under the same text. The file may come from a stranger: triggers and views in
/// it are off, and no value is longer than `longestValue`. A connection belongs to one thread at a time; every thread and
/// every process that opens the file has its own.
@safe public final class SQLiteDatabase {
  /// What may be done with the file.
  public enum Access: Sendable {
    /// The file exists, and is only read.
    case read
    /// The file exists.
    case write
    /// The file is created if it does not exist.
    case create
  }

  /// The longest text or array of bytes, in bytes; a longer one is refused.
  public static let longestValue = 1 << 26
  /// Statements that are kept prepared.
  private static let mostStatements = 100

  /// The file, as it was given.
  public let path: String
  private let handle: OpaquePointer
  private var statements: [String: OpaquePointer] = unsafe [:]

  /// Opens a database.
  ///
  /// - Parameters:
  ///   - path: the file; a name such as `:memory:` is a file's, too.
  ///   - access: whether the file is written, and created.
  ///   - seconds: how long to wait for other processes that have it locked.
  /// - Throws: where the file cannot be opened or is not a database.
  public init(path: String, _ access: Access = .create, waiting seconds: Double = 10) throws(SQLiteFault) {
    self.path = path
    let flags =
      switch access {
      case .read: SQLITE_OPEN_READONLY
      case .write: SQLITE_OPEN_READWRITE
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      }
    var opened: OpaquePointer?
    // A name such as ":memory:" is a file's, too.
    let status = unsafe sqlite3_open_v2(
      PathText.cString(path.hasPrefix("/") ? path : "./" + path), &opened, flags | SQLITE_OPEN_FULLMUTEX, nil)
    guard let handle = unsafe opened, status == SQLITE_OK else {
      let reason = unsafe opened.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      unsafe sqlite3_close_v2(opened)
      throw .cannotOpen(path: path, reason: reason)
    }
    unsafe self.handle = handle
    unsafe sqlite3_extended_result_codes(handle, 1)
    unsafe sqlite3_busy_timeout(handle, Int32(max(0, min(seconds * 1000, 1e9))))
    unsafe aviary_sqlite_distrust(handle)
    unsafe sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Int32(Self.longestValue))
    // The first statement finds out whether this is a database at all.
    _ = try rows("SELECT count(*) FROM sqlite_master")
  }

  deinit {
    var prepared = unsafe Array(statements.values)
    while let statement = unsafe prepared.popLast() { unsafe sqlite3_finalize(statement) }
    unsafe sqlite3_close_v2(handle)
  }

  /// Runs one statement.
  ///
  /// - Parameters:
  ///   - sql: the statement, in SQLite's language.
  ///   - values: those of its `?`, in their order.
  /// - Throws: where the statement is wrong, or the file is locked, full or damaged.
  public func execute(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteFault) {
    _ = try rows(sql, values)
  }

  /// Runs one statement and returns its rows: the values of each in the order of the columns.
  ///
  /// - Parameters:
  ///   - sql: the statement, in SQLite's language.
  ///   - values: those of its `?`, in their order.
  /// - Throws: where the statement is wrong, or the file is locked, full or damaged.
  public func rows(_ sql: String, _ values: [SQLiteValue] = []) throws(SQLiteFault) -> [[SQLiteValue]] {
    let statement = unsafe try prepared(sql)
    ensure(
      unsafe Int(sqlite3_bind_parameter_count(statement)) == values.count,
      "SQLite: \(values.count) values for the statement \(sql)")
    defer {
      unsafe sqlite3_reset(statement)
      unsafe sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() { try check(unsafe bind(value, at: Int32(index + 1), of: statement)) }
    var rows: [[SQLiteValue]] = []
    while true {
      let status = unsafe sqlite3_step(statement)
      guard status == SQLITE_ROW else {
        if status != SQLITE_DONE { throw fault(status) }
        return rows
      }
      rows.append(unsafe (0..<sqlite3_column_count(statement)).map { unsafe column($0, of: statement) })
    }
  }

  /// How many rows the last statement changed.
  public var changes: Int { unsafe Int(sqlite3_changes(handle)) }

  /// Runs `body` as one transaction that no other process's write comes between: all of it is kept, or nothing where it throws.
  public func transaction<Result>(_ body: () throws -> Result) throws -> Result {
    try execute("BEGIN IMMEDIATE")
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // Where the disk is full SQLite has rolled back by itself.
      if unsafe sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
      throw error
    }
  }

  /// A name of a table or a column as SQL takes any text for one.
  public static func quoted(_ name: String) -> String {
    "\"" + name.replacing("\"", with: "\"\"").replacing("\0", with: "\u{FFFD}") + "\""
  }
}

// MARK: - Statements

extension SQLiteDatabase {
  private func prepared(_ sql: String) throws(SQLiteFault) -> OpaquePointer {
    if let known = unsafe statements[sql] { return unsafe known }
    var made: OpaquePointer?
    try check(unsafe sqlite3_prepare_v2(handle, sql, -1, &made, nil))
    guard let statement = unsafe made else { throw .failed(path: path, reason: "a statement is empty") }
    if unsafe statements.count >= Self.mostStatements {
      var prepared = unsafe Array(statements.values)
      while let old = unsafe prepared.popLast() { unsafe sqlite3_finalize(old) }
      unsafe statements = [:]
    }
    unsafe statements[sql] = statement
    return unsafe statement
  }

  private func bind(_ value: SQLiteValue, at place: Int32, of statement: OpaquePointer) -> Int32 {
    switch value {
    case .null: unsafe sqlite3_bind_null(statement, place)
    case .integer(let number): unsafe sqlite3_bind_int64(statement, place, number)
    case .real(let number): unsafe sqlite3_bind_double(statement, place, number)
    case .text(let text):
      // The zero at the end, which is not counted, gives an empty text an address, too.
      unsafe aviary_sqlite_bind_text(
        statement, place, text.utf8.map { CChar(bitPattern: $0) } + [0], UInt64(text.utf8.count))
    case .bytes(let bytes):
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe aviary_sqlite_bind_bytes(statement, place, bytes.baseAddress, UInt64(bytes.count))
      }
    }
  }

  private func column(_ place: Int32, of statement: OpaquePointer) -> SQLiteValue {
    switch unsafe sqlite3_column_type(statement, place) {
    case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(statement, place))
    case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(statement, place))
    case SQLITE_TEXT:
      guard let text = unsafe sqlite3_column_text(statement, place) else { return .text("") }
      let count = unsafe Int(sqlite3_column_bytes(statement, place))
      return .text(unsafe String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
    case SQLITE_BLOB:
      guard let bytes = unsafe sqlite3_column_blob(statement, place) else { return .bytes([]) }
      let count = unsafe Int(sqlite3_column_bytes(statement, place))
      return .bytes(unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    default: return .null
    }
  }

  private func check(_ status: Int32) throws(SQLiteFault) {
    if status != SQLITE_OK { throw fault(status) }
  }

  private func fault(_ status: Int32) -> SQLiteFault {
    let reason = unsafe String(cString: sqlite3_errmsg(handle))
    switch status & 0xff {
    case SQLITE_BUSY, SQLITE_LOCKED: return .busy(path: path)
    case SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_ERROR: return .notADatabase(path: path, reason: reason)
    case SQLITE_CANTOPEN: return .cannotOpen(path: path, reason: reason)
    default: return .failed(path: path, reason: reason)
    }
  }
}
