import AviaryPlatform
import AviarySQLite

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The trials of a search in one SQLite file, which any number of processes share and which survives that they are killed.
///
/// A process claims a trial, reports its values, and ends it; each of these is one transaction. A claim is proved by a token,
/// and kept alive by `beat`. A trial whose process is gone (on the same machine at once, on another one when its claim has
/// not been kept alive for `patience` seconds) is taken over under another token, so that what the first process may still
/// say of it is refused: no trial is lost, and none counts twice.
///
///     study      name, value: what the trials have in common
///     trials     number, state, value, loss, deviation (of the values of splits), message, start (given text of a warm start),
///                complete (whether all values are known), worker, token, heartbeat, began (seconds since 1970), seconds
///     settings   trial, name, value
///     reports    trial, split, epoch, value
public final class Study {
  /// The file, as it was given.
  public let path: String
  /// How long a claim lasts without a sign of life, in seconds.
  public var patience = 60.0
  let database: SQLiteDatabase
  private static let version = "1"
  private static let versionName = "aviary study"
  /// The tables as SQLite keeps them. Those of a file must be the same, letter by letter: a table of a stranger may compute
  /// its values, without end.
  private static let tables = [
    "study": "CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "trials": """
    CREATE TABLE trials (number INTEGER PRIMARY KEY, state TEXT NOT NULL, value REAL, loss REAL, deviation REAL, \
    message TEXT, start TEXT UNIQUE, complete INTEGER NOT NULL DEFAULT 0, worker TEXT, token TEXT, heartbeat REAL, began REAL, seconds REAL)
    """,
    "settings": """
    CREATE TABLE settings (trial INTEGER, name TEXT, value TEXT NOT NULL, PRIMARY KEY (trial, name)) WITHOUT ROWID
    """,
    "reports": """
    CREATE TABLE reports (trial INTEGER, split INTEGER, epoch INTEGER, value REAL, PRIMARY KEY (trial, split, epoch)) \
    WITHOUT ROWID
    """,
  ]
  private let now: () -> Double

  /// Opens the study in a file, or begins one.
  ///
  /// - Parameters:
  ///   - path: the file, which is created if it does not exist.
  ///   - facts: what its trials have in common, by name. A study that was begun with others is refused; its own that are not
  ///     named here do not matter.
  public convenience init(path: String, facts: [(name: String, value: String)]) throws {
    try self.init(path: path, facts: facts, now: { Date().timeIntervalSince1970 })
  }

  init(path: String, facts: [(name: String, value: String)], now: @escaping () -> Double) throws {
    self.path = path
    self.now = now
    database = try SQLiteDatabase(path: path, waiting: 30)
    // Readers do not wait for a writer. Where a file system cannot have it (a network's), the usual journal serves.
    var failures = 0
    while true {
      do {
        // A file that holds something else stays as it is.
        if try isBegun() { try checkPages() }
        _ = try database.rows("PRAGMA journal_mode = WAL")
        break
      } catch let fault as SQLiteFault {
        if case .notADatabase = fault { throw fault }
        // Two processes that begin together may both be refused, whatever they wait.
        failures += 1
        if failures == 20 { throw fault }
        Self.pause(milliseconds: 50)
      }
    }
    // A finished trial survives a power failure, too.
    _ = try database.rows("PRAGMA synchronous = FULL")
    try database.transaction {
      if try !isBegun() { try begin() }
      try check(facts)
    }
  }

  /// Refuses pages that lead to each other, which would be read without end.
  private func checkPages() throws {
    guard try database.rows("PRAGMA quick_check(1)").first?.first?.text == "ok" else {
      throw SearchFault.damaged(path: path, what: "SQLite's own check fails")
    }
  }

  private static func pause(milliseconds: UInt32) { _ = usleep(milliseconds * 1000) }

  private func begin() throws {
    for (_, sql) in Self.tables.sorted(by: { $0.key < $1.key }) { try database.execute(sql) }
    try database.execute("INSERT INTO study VALUES (?, ?)", [.text(Self.versionName), .text(Self.version)])
  }

  /// Whether the file has a study: false for an empty one.
  ///
  /// - Throws: where it holds something else, or a later version's study.
  private func isBegun() throws -> Bool {
    let rows = try database.rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 100")
    if rows.isEmpty { return false }
    let found = Dictionary(rows.map { ($0[0].text ?? "", $0[1].text ?? "") }) { $1 }
    guard found["study"] == Self.tables["study"], let version = try fact(Self.versionName) else {
      throw SearchFault.notAStudy(path: path)
    }
    guard version == Self.version else { throw SearchFault.newerVersion(path: path, version: version) }
    guard found == Self.tables else { throw SearchFault.notAStudy(path: path) }
    return true
  }

  private func check(_ facts: [(name: String, value: String)]) throws {
    let isNew = try database.rows("SELECT count(*) FROM study")[0][0].integer == 1
    for (name, value) in facts {
      if let known = try fact(name) {
        guard known == value else { throw SearchFault.otherStudy(path: path, what: name, was: known) }
      } else if isNew {
        try database.execute("INSERT INTO study VALUES (?, ?)", [.text(name), .text(value)])
      } else {
        throw SearchFault.otherStudy(path: path, what: name, was: "none")
      }
    }
  }

  /// What all trials have in common; nil where that is not kept.
  public func fact(_ name: String) throws -> String? {
    try database.rows("SELECT value FROM study WHERE name = ?", [.text(name)]).first?[0].text
  }

  /// Keeps what all trials have in common, unless it is known already, and returns what is known then.
  public func settle(_ name: String, _ value: String) throws -> String {
    try database.transaction {
      try database.execute("INSERT OR IGNORE INTO study VALUES (?, ?)", [.text(name), .text(value)])
      return try fact(name) ?? value
    }
  }

  /// What the trials of a study read: with another one their values cannot be compared.
  public enum Input: String, Sendable {
    /// What is learned from, and scored on.
    case data
    /// What a trial begins with.
    case checkpoint
    /// Whatever else options name, such as the weights of classes.
    case files

    /// In words: data, checkpoint, files.
    public var word: String { rawValue }
  }

  /// Keeps what all trials read, and refuses another one.
  ///
  /// - Parameters:
  ///   - input: what is read.
  ///   - fingerprint: tells it from others.
  ///   - names: what it is called.
  /// - Returns: whether it is known that it is the same. A study of an earlier version, which has trials, does not say it.
  public func keep(_ input: Input, _ fingerprint: String, _ names: String) throws -> Bool {
    try database.transaction {
      guard let known = try fact(input.rawValue) else {
        guard try count() == 0 else { return false }
        try database.execute("INSERT INTO study VALUES (?, ?)", [.text(input.rawValue), .text(fingerprint)])
        return true
      }
      guard known == fingerprint else { throw SearchFault.otherInput(path: path, input, names: names) }
      return true
    }
  }

  // MARK: Trials

  /// Lets a trial with these values come next, unless the same text gave one before.
  public func start(_ text: String, _ values: [String: String]) throws {
    try database.transaction {
      guard try database.rows("SELECT 1 FROM trials WHERE start = ?", [.text(text)]).isEmpty else { return }
      let number = try nextNumber()
      try database.execute(
        "INSERT INTO trials (number, state, start) VALUES (?, 'waiting', ?)", [SQLiteValue(number), .text(text)])
      try write(values, of: number)
    }
  }

  /// Claims the next trial: one that was left behind, one that waits, or a new one.
  ///
  /// - Parameter limit: how many trials the study has at most; nil for any number.
  /// - Returns: nil where there is none.
  public func claim(limit: Int?) throws -> TrialClaim? {
    try database.transaction {
      try releaseAbandoned()
      let token = UUID().uuidString
      let row = try database.rows("SELECT number, complete FROM trials WHERE state = 'waiting' ORDER BY number LIMIT 1")
      let number: Int
      if let waiting = row.first?[0].integer {
        number = try trialNumber(waiting)
      } else {
        number = try nextNumber()
        if let limit, try count() >= limit { return nil }
        try database.execute("INSERT INTO trials (number, state) VALUES (?, 'waiting')", [SQLiteValue(number)])
      }
      try database.execute(
        "UPDATE trials SET state = 'running', worker = ?, token = ?, heartbeat = ?, began = ? WHERE number = ?",
        [.text(StudyWorker.current.text), .text(token), .real(now()), .real(now()), SQLiteValue(number)])
      return TrialClaim(
        number: number, given: try settings(of: number), isComplete: row.first?[1].integer == 1, token: token)
    }
  }

  /// Keeps all values of a claimed trial.
  public func complete(_ claim: TrialClaim, _ values: [String: String]) throws {
    try database.transaction {
      try change(claim, "complete = 1")
      try database.execute("DELETE FROM settings WHERE trial = ?", [SQLiteValue(claim.number)])
      try write(values, of: claim.number)
    }
  }

  /// Keeps the value after an epoch, which also keeps the claim alive.
  public func report(_ claim: TrialClaim, split: Int = 0, epoch: Int, _ value: Double) throws {
    try database.transaction {
      try change(claim, "heartbeat = ?", [.real(now())])
      try database.execute(
        "INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?)",
        [SQLiteValue(claim.number), SQLiteValue(split), SQLiteValue(epoch), .real(value)])
    }
  }

  /// Keeps a claim alive, from any thread.
  public static func beat(_ claim: TrialClaim, in path: String) throws {
    let database = try SQLiteDatabase(path: path, .write)
    try database.execute(
      "UPDATE trials SET heartbeat = ? WHERE number = ? AND token = ?",
      [.real(Date().timeIntervalSince1970), SQLiteValue(claim.number), .text(claim.token)])
  }

  /// Ends a trial.
  ///
  /// - Parameters:
  ///   - claim: what the process holds the trial by.
  ///   - state: how it ended.
  ///   - value: what is searched for.
  ///   - loss: tells trials with the same value apart.
  ///   - deviation: the standard deviation of the values of splits of the data, whose mean is `value`.
  ///   - message: why it failed.
  public func finish(
    _ claim: TrialClaim, _ state: StudyTrial.State, value: Double? = nil, loss: Double? = nil,
    deviation: Double? = nil, message: String? = nil
  ) throws {
    try change(
      claim,
      "state = ?, value = ?, loss = ?, deviation = ?, message = ?, seconds = ? - began, worker = NULL, token = NULL, "
        + "heartbeat = NULL",
      [
        .text(state.rawValue), SQLiteValue(value), SQLiteValue(loss), SQLiteValue(deviation), SQLiteValue(message),
        .real(now()),
      ])
  }

  /// Gives a trial back, to be tried anew.
  public func release(_ claim: TrialClaim) throws {
    try database.transaction {
      try change(claim, "state = 'waiting', worker = NULL, token = NULL, heartbeat = NULL")
      try database.execute("DELETE FROM reports WHERE trial = ?", [SQLiteValue(claim.number)])
    }
  }

  private func change(_ claim: TrialClaim, _ what: String, _ values: [SQLiteValue] = []) throws {
    try database.execute(
      "UPDATE trials SET \(what) WHERE number = ? AND token = ?",
      values + [SQLiteValue(claim.number), .text(claim.token)])
    if database.changes == 0 { throw SearchFault.claimLost(trial: claim.number) }
  }

  /// Lets trials wait anew whose processes are gone.
  private func releaseAbandoned() throws {
    let running = try database.rows("SELECT number, worker, heartbeat FROM trials WHERE state = 'running'")
    for row in running {
      let isGone = row[1].text.flatMap { StudyWorker($0) }?.isGone ?? false
      guard isGone || now() - (row[2].number ?? 0) > patience else { continue }
      try database.execute(
        "UPDATE trials SET state = 'waiting', worker = NULL, token = NULL, heartbeat = NULL WHERE number = ?", [row[0]])
      try database.execute("DELETE FROM reports WHERE trial = ?", [row[0]])
    }
  }
}

extension Study {
  private func count() throws -> Int { Int(try database.rows("SELECT count(*) FROM trials")[0][0].integer ?? 0) }

  private func nextNumber() throws -> Int {
    let last = try database.rows("SELECT max(number) FROM trials")[0][0].integer ?? -1
    return last < 0 ? 0 : try trialNumber(last) + 1
  }

  /// The number of a trial as the file has it.
  private func trialNumber(_ number: Int64?) throws -> Int {
    guard let number, (0..<1 << 30).contains(number) else {
      throw SearchFault.damaged(path: path, what: "a trial has the number \(number.map { "\($0)" } ?? "none")")
    }
    return Int(number)
  }

  private func write(_ values: [String: String], of trial: Int) throws {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      try database.execute("INSERT INTO settings VALUES (?, ?, ?)", [SQLiteValue(trial), .text(name), .text(value)])
    }
  }

  private func settings(of trial: Int) throws -> [String: String] {
    let rows = try database.rows("SELECT name, value FROM settings WHERE trial = ?", [SQLiteValue(trial)])
    return Dictionary(rows.compactMap { row in row[0].text.flatMap { name in row[1].text.map { (name, $0) } } }) { $1 }
  }

  /// All trials, in the order of their numbers, as they are at one moment.
  ///
  /// - Throws: also where a trial has values that are not in the space.
  public func trials(in space: SearchSpace) throws -> [StudyTrial] {
    let trials = try trials()
    for trial in trials {
      do throws(SearchFault) { try space.check(trial.values) } catch {
        throw SearchFault.damaged(path: path, what: "trial \(trial.number + 1): \(error)")
      }
    }
    return trials
  }

  /// All trials, in the order of their numbers, as they are at one moment.
  public func trials() throws -> [StudyTrial] {
    var settings: [Int64: [String: String]] = [:]
    var reports: [Int64: [StudyTrial.Report]] = [:]
    var trials: [[SQLiteValue]] = []
    // A transaction that only reads waits for nobody.
    try database.execute("BEGIN")
    do {
      defer { try? database.execute("COMMIT") }
      for row in try database.rows("SELECT trial, name, value FROM settings") {
        if let trial = row[0].integer, let name = row[1].text {
          settings[trial, default: [:]][name] = row[2].text ?? ""
        }
      }
      for row in try database.rows("SELECT trial, split, epoch, value FROM reports ORDER BY trial, split, epoch") {
        guard let trial = row[0].integer, let split = row[1].integer, let epoch = row[2].integer,
          (0..<1 << 31).contains(split), (0..<1 << 31).contains(epoch)
        else { throw SearchFault.damaged(path: path, what: "a report is of no epoch") }
        reports[trial, default: []].append(.init(split: Int(split), epoch: Int(epoch), value: row[3].number ?? .nan))
      }
      trials = try database.rows(
        "SELECT number, state, value, message, seconds, loss, deviation FROM trials ORDER BY number")
    }
    return try trials.map { row in
      let number = try trialNumber(row[0].integer)
      guard let state = row[1].text.flatMap({ StudyTrial.State(rawValue: $0) }) else {
        throw SearchFault.damaged(path: path, what: "trial \(number + 1) is in no known state")
      }
      let key = Int64(number)
      return StudyTrial(
        number: number, state: state, values: settings[key] ?? [:], value: row[2].number, loss: row[5].number,
        deviation: row[6].number, reports: reports[key] ?? [], message: row[3].text, seconds: row[4].number)
    }
  }
}
