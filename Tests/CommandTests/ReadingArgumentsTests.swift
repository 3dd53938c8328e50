import Aviary
import Foundation
import Testing

/// `--workers`, `--threads` and `--limit` of the commands that only read images.
@Suite struct ReadingArgumentsTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
  }

  private func features(_ options: [String], to name: String) throws -> Checkpoint {
    let outcome = try BuiltTool.run(
      ["features", scratch / "toy.h5", "--data", scratch / "pets", "--output", scratch / name] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try Checkpoint.read(from: scratch / name)
  }

  @Test func theLimitIsOfEachClassAndPart() throws {
    let some = try features(["--limit", "1"], to: "some.h5")
    // Two classes in train and in test.
    #expect(some["labels"]?.integers() == [0, 1, 0, 1])
    let outcome = try BuiltTool.run(
      ["evaluate", scratch / "toy.h5", "--data", scratch / "pets", "--limit", "1", "--json"])
    #expect(try outcome.json()["images"] as? Int == 2, "\(outcome.errors)")
  }

  @Test func workersAndThreadsChangeNothing() throws {
    let one = try features(["--workers", "1", "--threads", "1"], to: "one.h5")
    let three = try features(["--workers", "3", "--threads", "2"], to: "three.h5")
    #expect(one["paths"] == nil && one["labels"]?.integers() == three["labels"]?.integers())
    let (first, second) = (try #require(one["features"]?.floats()), try #require(three["features"]?.floats()))
    #expect(first.count == second.count && zip(first, second).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) })
  }

  @Test func impossibleNumbersAreUsage() throws {
    for options in [["--workers", "0"], ["--threads", "-1"], ["--limit", "0"], ["--workers", "257"]] {
      let toy = scratch / "toy.h5"
      for command in [["features", toy], ["train", "resnet-toy"], ["finetune", "--from", toy]] {
        let outcome = try BuiltTool.run(
          command + ["--data", scratch / "pets", "--output", scratch / "made"] + options)
        #expect(outcome.status == 64 && outcome.errors.contains(options.joined(separator: " ")), "\(outcome.errors)")
      }
    }
    #expect(!scratch.names.contains("made"))
    let table = try scratch.write("a,b\n1,2\n3,4\n", to: "table.csv")
    let outcome = try BuiltTool.run(["evaluate", scratch / "toy.h5", "--data", table, "--limit", "3"])
    expectFault(outcome, "--limit is for images")
  }
}
