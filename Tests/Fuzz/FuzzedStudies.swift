import AviarySQLite
import AviarySearch
import Foundation

/// Studies of searches, which every sampler goes on with, and what else may be in a SQLite file.
enum FuzzedStudies {
  private static let facts = [(name: "command", value: "train"), (name: "settings", value: "rate width kind momentum")]
  private static let space = try? SearchSpace([
    .init("rate", .real(1e-4...1, isLogarithmic: true)), .init("width", .whole(1...64)),
    .init("kind", .choice(["sgd", "adam"])), .init("momentum", .real(0...1), if: .init(name: "kind", values: ["sgd"])),
  ])

  static func corpus() throws -> [[UInt8]] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "studies-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for trials in [0, 3, 14] { try study(of: trials, at: "\(folder)/study-\(trials).sqlite") }
    let birds = try SQLiteDatabase(path: folder + "/birds.sqlite")
    try birds.execute("CREATE TABLE birds (name TEXT, grams REAL)")
    for grams in 0..<50 { try birds.execute("INSERT INTO birds VALUES ('wren', ?)", [.real(Double(grams))]) }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().compactMap {
      FileManager.default.contents(atPath: folder + "/" + $0).map(Array.init)
    }
  }

  /// A study with trials in every state.
  private static func study(of trials: Int, at path: String) throws {
    let study = try Study(path: path, facts: facts)
    guard let space else { return }
    if trials > 0 { try study.start("rate=0.5", ["rate": "0.5"]) }
    let sampler = RandomSampler(space, seed: 1)
    for number in 0..<trials {
      guard let claim = try study.claim(limit: nil) else { return }
      try study.complete(claim, sampler.suggest(trial: number, keeping: claim.given, after: []))
      for epoch in 1...3 { try study.report(claim, epoch: epoch, 1 / Double(number + epoch)) }
      switch number % 5 {
      case 3: try study.finish(claim, .pruned, value: 0.5)
      case 4: try study.finish(claim, .failed, message: "the loss is not a number")
      default: try study.finish(claim, .finished, value: 1 / Double(number + 3))
      }
    }
    if trials > 0 { _ = try study.claim(limit: nil) }
  }

  static func read(_ bytes: [UInt8], file: String) throws {
    try Data(bytes).write(to: URL(filePath: file))
    defer {
      for ending in ["", "-wal", "-shm", "-journal"] { try? FileManager.default.removeItem(atPath: file + ending) }
    }
    guard let space, let study = try? Study(path: file, facts: facts) else { return }
    _ = try? study.settle("measured", "accuracy")
    guard let trials = try? study.trials(in: space) else { return }
    for rises in [true, false] {
      let history = trials.compactMap { $0.observation(rises: rises) }
      _ = Importance.shares(space, history)
      for method in SearchMethod.allCases where method != .grid {
        _ = try? method.sampler(space, seed: 1).suggest(trial: trials.count, after: history)
      }
    }
    for pruning in Pruning.allCases {
      _ = pruning.stops([1, 2, 3], others: trials.map { ($0.reports.map(\.value), $0.state == .finished) })
    }
    guard let claim = try? study.claim(limit: 100) else { return }
    try? study.complete(claim, claim.given)
    try? study.report(claim, epoch: 1, 0.5)
    try? study.finish(claim, .finished, value: 0.5)
    _ = try? study.trials(in: space)
  }
}
