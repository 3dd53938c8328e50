/// Why a database cannot be used.
public enum SQLiteFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// The file cannot be opened or created.
  case cannotOpen(path: String, reason: String)
  /// The file is not a database, or is damaged.
  case notADatabase(path: String, reason: String)
  /// Another process kept the database locked for too long.
  case busy(path: String)
  /// The disk is full, the file may not be written, or a value is too large.
  case failed(path: String, reason: String)

  /// One line: the file, what SQLite says, and what to do.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason):
      "\(path): cannot be opened (\(reason)); check the folder and its permissions"
    case .notADatabase(let path, let reason): "\(path): is not a usable SQLite database (\(reason)); give another file"
    case .busy(let path): "\(path): another process keeps it locked; wait for it, and try again"
    case .failed(let path, let reason): "\(path): SQLite failed (\(reason)); make room there, or give another file"
    }
  }
}
