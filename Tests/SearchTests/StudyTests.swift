import AviarySQLite
import AviaryTestSupport
import Foundation
import Testing

@testable import AviarySearch

@Suite struct StudyTests {
  private let folder: EmptyFolder
  private var path: String { folder.path + "/study.sqlite" }
  private let facts = [(name: "settings", value: "a=1..2")]

  init() throws { folder = try EmptyFolder() }

  /// A clock that is set by hand.
  private final class Clock { var time = 1000.0 }

  @Test func trialsAreKept() throws {
    do {
      let study = try Study(path: path, facts: facts)
      let first = try #require(try study.claim(limit: 2))
      #expect(first.number == 0 && first.given.isEmpty && !first.isComplete)
      try study.complete(first, ["a": "1.5"])
      try study.report(first, epoch: 1, 0.25)
      try study.report(first, epoch: 2, 0.5)
      try study.finish(first, .finished, value: 0.5, loss: 0.75, deviation: 0.125)
      let second = try #require(try study.claim(limit: 2))
      try study.complete(second, ["a": "2"])
      try study.finish(second, .failed, message: "no memory")
      #expect(try study.claim(limit: 2) == nil)
    }
    let trials = try Study(path: path, facts: facts).trials()
    #expect(trials.map(\.state) == [.finished, .failed] && trials.map(\.number) == [0, 1])
    #expect(trials[0].values == ["a": "1.5"] && trials[0].value == 0.5 && trials[0].epochs == 2)
    #expect(trials[0].loss == 0.75 && trials[0].deviation == 0.125)
    #expect(trials[1].loss == nil && trials[1].deviation == nil)
    #expect(trials[0].reports.map(\.value) == [0.25, 0.5] && trials[1].message == "no memory")
    #expect(trials[0].observation(rises: true) == Observation(["a": "1.5"], .finished(-0.5)))
    #expect(!FileManager.default.fileExists(atPath: path + "-wal"), "the study is one file")
  }

  @Test(arguments: [Study.Input.data, .checkpoint, .files]) func otherInputsAreRefused(input: Study.Input) throws {
    let study = try Study(path: path, facts: facts)
    #expect(try study.keep(input, "3:a", "a.csv"))
    let claim = try #require(try study.claim(limit: 1))
    try study.finish(claim, .failed)
    #expect(try Study(path: path, facts: facts).keep(input, "3:a", "a.csv"))
    let fault = SearchFault.otherInput(path: path, input, names: "a.csv")
    #expect(throws: fault) { try study.keep(input, "3:b", "a.csv") }
    #expect("\(fault)".contains("a.csv"))
    // What earlier versions wrote is not known, and is not made up.
    try study.database.execute("DELETE FROM study WHERE name = '\(input.rawValue)'")
    #expect(try !study.keep(input, "3:b", "a.csv") && study.fact(input.rawValue) == nil)
  }

  @Test func otherStudiesAreRefused() throws {
    _ = try Study(path: path, facts: facts)
    #expect(throws: SearchFault.otherStudy(path: path, what: "settings", was: "a=1..2")) {
      try Study(path: path, facts: [(name: "settings", value: "a=1..3")])
    }
    let other = folder.path + "/other.sqlite"
    try SQLiteDatabase(path: other).execute("CREATE TABLE birds (name TEXT)")
    #expect(throws: SearchFault.notAStudy(path: other)) { try Study(path: other, facts: facts) }
  }

  /// A file that holds something else stays as it is, byte by byte.
  @Test(arguments: [
    ["CREATE TABLE birds (name TEXT)"], ["CREATE VIEW study AS SELECT 1"],
    ["CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)"],
    [
      "CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
      "INSERT INTO study VALUES ('aviary study', '1')",
      "CREATE TABLE trials (number INTEGER PRIMARY KEY, state AS (hex(zeroblob(30000000))))",
    ],
  ]) func otherDatabasesAreLeftAlone(statements: [String]) throws {
    do {
      let database = try SQLiteDatabase(path: path)
      for statement in statements { try database.execute(statement) }
    }
    let bytes = try Data(contentsOf: URL(filePath: path))
    #expect(throws: SearchFault.notAStudy(path: path)) { try Study(path: path, facts: facts) }
    #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
  }

  /// What no search writes is refused in a line, and no number in it is too large.
  @Test(arguments: [
    ("UPDATE trials SET number = 9223372036854775807", "number 9223372036854775807"),
    ("UPDATE trials SET number = -5", "number -5"), ("UPDATE trials SET state = 'lost'", "in no known state"),
    ("UPDATE settings SET value = '9'", "a=9 is not one"),
    ("UPDATE settings SET name = 'output'", "output=1.5 is not one"),
    ("UPDATE reports SET epoch = -9223372036854775808", "a report is of no epoch"),
    ("UPDATE reports SET split = 'x'", "a report is of no epoch"),
  ]) func damageIsRefused(statement: String, words: String) throws {
    let space = try SearchSpace([SearchParameter("a", .real(1...2))])
    do {
      let study = try Study(path: path, facts: facts)
      let claim = try #require(try study.claim(limit: nil))
      try study.complete(claim, ["a": "1.5"])
      try study.report(claim, epoch: 1, 0.25)
      try study.finish(claim, .pruned, value: 0.25)
      #expect(try study.trials(in: space).count == 1)
      try SQLiteDatabase(path: path).execute(statement)
    }
    let error = try #require(throws: SearchFault.self) { try Study(path: path, facts: facts).trials(in: space) }
    #expect("\(error)".hasPrefix("\(path): the study is damaged (") && "\(error)".contains(words), "\(error)")
  }

  /// A trial whose process is gone, or silent for too long, is tried again, and its former process has no say any more.
  @Test func anAbandonedTrialIsTakenOver() throws {
    let clock = Clock()
    let study = try Study(path: path, facts: facts) { clock.time }
    let other = try Study(path: path, facts: facts) { clock.time }
    let claim = try #require(try study.claim(limit: 1))
    try study.complete(claim, ["a": "1"])
    try study.report(claim, epoch: 1, 0.25)
    clock.time += 59
    #expect(try other.claim(limit: 1) == nil)
    clock.time += 2
    let again = try #require(try other.claim(limit: 1))
    #expect(again.number == 0 && again.given == ["a": "1"] && again.isComplete)
    #expect(try other.trials()[0].reports.isEmpty)
    #expect(throws: SearchFault.claimLost(trial: 0)) { try study.report(claim, epoch: 2, 0.5) }
    #expect(throws: SearchFault.claimLost(trial: 0)) { try study.finish(claim, .finished, value: 1) }
    try other.finish(again, .finished, value: 2)
    #expect(try study.trials().map(\.value) == [2])
  }

  @Test func aProcessThatEndedIsKnownToBeGone() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sleep")
    process.arguments = ["100"]
    try process.run()
    let current = StudyWorker.current
    func worker(began: String) -> StudyWorker {
      StudyWorker(machine: current.machine, process: process.processIdentifier, began: began)
    }
    #expect(!worker(began: "").isGone && !current.isGone)
    #expect(try #require(StudyWorker(current.text)) == current)
    #if os(Linux)
      // The number was given to another process since.
      #expect(worker(began: "1").isGone)
    #endif
    process.terminate()
    process.waitUntilExit()
    #expect(worker(began: "").isGone)
    #expect(!StudyWorker(machine: "elsewhere", process: process.processIdentifier, began: "").isGone)
  }

  @Test func aTrialGivenBackComesNext() throws {
    let study = try Study(path: path, facts: facts)
    let claim = try #require(try study.claim(limit: 5))
    try study.complete(claim, ["a": "1"])
    try study.report(claim, epoch: 1, 0.25)
    try study.release(claim)
    let again = try #require(try study.claim(limit: 5))
    #expect(again.number == 0 && again.isComplete && again.given == ["a": "1"])
  }

  @Test func warmStartsComeFirstAndOnce() throws {
    let study = try Study(path: path, facts: facts)
    for _ in 0..<2 { try study.start("a=2", ["a": "2"]) }
    try study.start("a=1", ["a": "1"])
    let claims = try (0..<3).map { _ in try #require(try study.claim(limit: 9)) }
    #expect(claims.map(\.given) == [["a": "2"], ["a": "1"], [:]])
    #expect(claims.allSatisfy { !$0.isComplete })
  }

  @Test func whatIsSettledFirstStays() throws {
    let study = try Study(path: path, facts: facts)
    #expect(try study.settle("measured", "accuracy") == "accuracy")
    #expect(try study.settle("measured", "loss") == "accuracy")
  }

  /// Many connections claim at once: every trial once.
  @Test func concurrentClaimsAreDistinct() async throws {
    let (path, count) = (path, 24)
    _ = try Study(path: path, facts: facts)
    let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<4 {
        group.addTask {
          let study = try Study(path: path, facts: [])
          var numbers: [Int] = []
          while let claim = try study.claim(limit: count) {
            try study.complete(claim, ["a": "1"])
            try study.finish(claim, .finished, value: 1)
            numbers.append(claim.number)
          }
          return numbers
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(numbers.sorted() == Array(0..<count))
  }
}
