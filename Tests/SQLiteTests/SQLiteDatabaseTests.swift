import AviaryTestSupport
import Foundation
import Testing

@testable import AviarySQLite

@Suite struct SQLiteDatabaseTests {
  @Test func valuesComeBackAsTheyWent() throws {
    let folder = try EmptyFolder()
    let database = try SQLiteDatabase(path: folder.path + "/values.sqlite")
    try database.execute("CREATE TABLE t (v)")
    let values: [SQLiteValue] = [
      .null, .integer(.min), .integer(.max), .real(-1.5e300), .real(0.1), .text(""), .text("Zaunkönig\0鸟"), .bytes([]),
      .bytes([0, 255, 0]),
    ]
    for value in values { try database.execute("INSERT INTO t VALUES (?)", [value]) }
    #expect(database.changes == 1)
    let reader = try SQLiteDatabase(path: folder.path + "/values.sqlite", .read)
    #expect(try reader.rows("SELECT v FROM t ORDER BY rowid") == values.map { [$0] })
  }

  @Test func aTransactionIsAllOrNothing() throws {
    struct Stop: Error {}
    let folder = try EmptyFolder()
    let database = try SQLiteDatabase(path: folder.path + "/all.sqlite")
    try database.execute("CREATE TABLE t (v)")
    #expect(throws: Stop.self) {
      try database.transaction {
        try database.execute("INSERT INTO t VALUES (1)")
        throw Stop()
      }
    }
    try database.transaction { try database.execute("INSERT INTO t VALUES (2)") }
    #expect(try database.rows("SELECT v FROM t") == [[.integer(2)]])
  }

  @Test func namesOfAnyTextAreColumns() throws {
    let folder = try EmptyFolder()
    let database = try SQLiteDatabase(path: folder.path + "/names.sqlite")
    let names = ["a \"b\"", "select", "x; DROP TABLE t", "", "鸟"].map(SQLiteDatabase.quoted)
    try database.execute("CREATE TABLE t (\(names.dropLast(2).joined(separator: ", ")), \(names[4]))")
    try database.execute("INSERT INTO t VALUES (1, 2, 3, 4)")
    #expect(try database.rows("SELECT \(names[2]) FROM t") == [[.integer(3)]])
  }

  @Test func otherFilesAreRefused() throws {
    let folder = try EmptyFolder()
    let path = folder.path + "/notes.txt"
    try Data(repeating: 65, count: 5000).write(to: URL(filePath: path))
    #expect(throws: SQLiteFault.notADatabase(path: path, reason: "file is not a database")) {
      try SQLiteDatabase(path: path)
    }
    #expect(throws: SQLiteFault.cannotOpen(path: folder.path + "/none", reason: "unable to open database file")) {
      try SQLiteDatabase(path: folder.path + "/none", .read)
    }
  }

  @Test func aLockedDatabaseIsBusy() throws {
    let folder = try EmptyFolder()
    let path = folder.path + "/locked.sqlite"
    let holder = try SQLiteDatabase(path: path)
    let other = try SQLiteDatabase(path: path, waiting: 0)
    try holder.transaction {
      _ = #expect(throws: SQLiteFault.busy(path: path)) { try other.execute("CREATE TABLE t (v)") }
    }
    try other.execute("CREATE TABLE t (v)")
  }

  /// A file from a stranger may hold a program in its schema.
  @Test func triggersAndViewsDoNotRun() throws {
    let folder = try EmptyFolder()
    let path = folder.path + "/stranger.sqlite"
    do {
      let writer = try SQLiteDatabase(path: path)
      try writer.execute("CREATE TABLE t (v)")
      try writer.execute("CREATE TABLE u (v)")
      try writer.execute("CREATE TRIGGER more AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1); END")
      try writer.execute("CREATE VIEW w AS SELECT v FROM t")
    }
    let reader = try SQLiteDatabase(path: path)
    try reader.execute("INSERT INTO t VALUES (1)")
    #expect(try reader.rows("SELECT v FROM u").isEmpty)
    #expect(throws: SQLiteFault.self) { try reader.rows("SELECT v FROM w") }
  }
}
