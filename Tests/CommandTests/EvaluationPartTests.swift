import Aviary
import Foundation
import Testing

/// What a network was trained on is not what it is scored on, unless somebody asks for it.
@Suite struct EvaluationPartTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func run(_ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  private func evaluate(_ checkpoint: String, _ data: String, _ options: String...) throws -> BuiltTool.Outcome {
    try run(["evaluate", checkpoint, "--data", data, "--json"] + options)
  }

  /// Trains, checks that the test's scores are those of `evaluate`, and that the parts make up the whole.
  ///
  /// - Parameters:
  ///   - items: the member of the report that counts them.
  ///   - scores: members of the summary, and those of the report that are the same.
  private func check(
    _ training: [String], data: String, items: String, scores: [(String, String)], tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let trained = try run(training + ["--data", data, "--json"])
    #expect(trained.status == 0, "\(trained.errors)", sourceLocation: sourceLocation)
    let summary = try trained.json()
    let tested = try evaluate("run", data)
    #expect(tested.status == 0, "\(tested.errors)", sourceLocation: sourceLocation)
    #expect(tested.errors.contains("\(data): test part, "), "\(tested.errors)", sourceLocation: sourceLocation)
    let report = try tested.json()
    #expect(report["part"] as? String == "test", sourceLocation: sourceLocation)
    for (expected, found) in scores {
      let (a, b) = (try #require(summary[expected] as? Double), try #require(report[found] as? Double))
      #expect(abs(a - b) <= tolerance * max(1, abs(a)), "\(expected) \(a), \(b)", sourceLocation: sourceLocation)
    }
    var counts: [String: Int] = [:]
    for part in ["train", "validation", "test", "all"] {
      counts[part] = try evaluate("run", data, "--part", part).json()[items] as? Int
    }
    #expect(report[items] as? Int == counts["test"], sourceLocation: sourceLocation)
    #expect((counts["test"] ?? 0) > 0 && (counts["test"] ?? 0) < (counts["validation"] ?? 0) * 3)
    #expect((counts["train"] ?? 0) > (counts["validation"] ?? 0), sourceLocation: sourceLocation)
    #expect(
      try evaluate("run", data, "--part", "all").errors.contains("most of which the network was trained on"),
      sourceLocation: sourceLocation)
    // Elsewhere it is the same file still; with one byte more it is another one.
    try FileManager.default.createDirectory(atPath: scratch / "moved", withIntermediateDirectories: true)
    let moved = "moved/" + data
    try FileManager.default.copyItem(atPath: scratch / data, toPath: scratch / moved)
    #expect(try evaluate("run", moved).json()["part"] as? String == "test", sourceLocation: sourceLocation)
    let bytes = try #require(FileManager.default.contents(atPath: scratch / data))
    try (bytes + bytes.suffix(1)).write(to: URL(filePath: scratch / moved))
    let other = try evaluate("run", moved)
    #expect(other.errors.contains("not the file that the network was trained on"), "\(other.errors)")
    #expect(try other.json()["part"] as? String == "all", sourceLocation: sourceLocation)
    expectFault(try evaluate("run", moved, "--part", "test"), "--part test", moved, sourceLocation: sourceLocation)
    // A checkpoint that does not say how its data were divided.
    var checkpoint = try Checkpoint.read(from: scratch / "run/best.h5")
    for key in ["split", "trainings"] { checkpoint.metadata.extra[key] = nil }
    try checkpoint.write(to: scratch / "old.h5")
    let old = try evaluate("old.h5", data)
    #expect(old.errors.contains("does not say how its data were divided"), "\(old.errors)")
    #expect(try old.json()[items] as? Int == counts["all"], sourceLocation: sourceLocation)
    expectFault(try evaluate("old.h5", data, "--part", "test"), "--part test", sourceLocation: sourceLocation)
  }

  private func writeTable() throws {
    let colours = ["red", "blue", "green"]
    let rows = (0..<150).map { (row: Int) -> String in
      let number = row % 7 == 0 ? "" : String(row % 3)
      return [String(row % 10), number, colours[row % 3], String(row * 13 % 50), row % 4 == 0 ? "yes" : "no"]
        .joined(separator: ",")
    }
    try scratch.write("a,b,colour,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "table.csv")
  }

  private let small = ["--epochs", "2", "--output", "run"]

  @Test func rowsOfAClassification() throws {
    try writeTable()
    try check(
      ["train", "mlp", "--target", "kind", "--set", "hidden=[8]", "--seed", "5", "--validation", "0.2"] + small,
      data: "table.csv", items: "rows", scores: [("test_accuracy", "accuracy"), ("test_loss", "loss")])
  }

  @Test func rowsOfARegressionWithoutThoseThatLackValues() throws {
    try writeTable()
    try check(
      ["train", "mlp", "--target", "y", "--set", "hidden=[8]", "--missing", "drop", "--exclude", "kind"] + small,
      data: "table.csv", items: "rows",
      scores: [("test_rmse", "rmse"), ("test_mae", "mae"), ("test_r2", "r2")])
  }

  @Test func rowsThatANetworkWasFineTunedOn() throws {
    try writeTable()
    let first = try run(
      [
        "train", "mlp", "--data", "table.csv", "--target", "y", "--exclude", "kind", "--set", "hidden=[8]", "--epochs",
        "1", "--output",
        "first",
      ])
    #expect(first.status == 0, "\(first.errors)")
    try check(
      ["finetune", "--from", "first", "--target", "kind", "--seed", "3"] + small, data: "table.csv", items: "rows",
      scores: [("test_accuracy", "accuracy"), ("test_loss", "loss")])
  }

  @Test func windowsOfASeries() throws {
    let rows = (0..<160).map { "\(sin(Double($0) / 3)),\($0 % 4)" }
    try scratch.write("level,wind\n" + rows.joined(separator: "\n") + "\n", to: "levels.csv")
    try check(
      ["train", "sequence-gru", "--target", "level", "--window", "8", "--set", "hidden=6"] + small, data: "levels.csv",
      items: "windows", scores: [("test_rmse", "rmse"), ("test_r2", "r2")])
  }

  @Test func textsOfATable() throws {
    let letters = Array("aeioukrstz")
    let rows = (0..<120).map { (row: Int) -> String in
      let word = String((0..<3 + row % 5).map { (place: Int) -> Character in letters[(place * 3 + row) % 10] })
      return word + (row % 2 == 0 ? ",soft" : ",hard")
    }
    try scratch.write("sound,kind\n" + rows.joined(separator: "\n") + "\n", to: "sounds.csv")
    try check(
      ["train", "sequence-lstm", "--target", "kind", "--text", "sound", "--set", "hidden=6"] + small,
      data: "sounds.csv", items: "texts", scores: [("test_accuracy", "accuracy"), ("test_loss", "loss")])
  }

  @Test func theEndOfAText() throws {
    try scratch.write(String(repeating: "the cat sat on the mat. ", count: 200), to: "play.txt")
    try check(
      ["train", "char-gru", "--batch-size", "4", "--sequence-length", "16", "--set", "hidden=8"] + small,
      data: "play.txt", items: "characters", scores: [("test_loss", "loss")])
  }

  @Test func imagesHeldOutOfAFolder() throws {
    try ToyFiles.images(at: scratch / "pets")
    let trained = try run(
      ["train", "squeezenet-toy", "--data", "pets", "--image-size", "32", "--validation", "0.3", "--json"] + small)
    #expect(trained.status == 0, "\(trained.errors)")
    let accuracy = try #require(try trained.json()["best_accuracy"] as? Double)
    // The folder with its parts, and the training part by itself.
    for data in ["pets", "pets/train"] {
      let validated = try evaluate("run", data, "--part", "validation")
      #expect(validated.status == 0, "\(validated.errors)")
      #expect(try validated.json()["images"] as? Int == 4)
      #expect(try validated.json()["accuracy"] as? Double == accuracy)
      #expect(try evaluate("run", data, "--part", "train").json()["images"] as? Int == 12)
    }
    #expect(try evaluate("run", "pets").json()["part"] as? String == "test")
    #expect(try evaluate("run", "pets", "--part", "all").json()["images"] as? Int == 20)
    let heldOut = try evaluate("run", "pets/train")
    #expect(try heldOut.json()["images"] as? Int == 4)
    #expect(try heldOut.json()["part"] as? String == "validation")
    #expect(heldOut.errors.contains("4 images held out of the training"), "\(heldOut.errors)")
    expectFault(try evaluate("run", "pets/train", "--part", "test"), "--part test")
    // Images among which something has changed are others.
    try ToyFiles.images(at: scratch / "others")
    try FileManager.default.copyItem(atPath: scratch / "others/train/cat", toPath: scratch / "others/train/dog/more")
    let others = try evaluate("run", "others/train")
    #expect(others.errors.contains("they are not those that run/best.h5 was trained on"), "\(others.errors)")
    // All of a training part was learned where validation has a folder of its own.
    let own = try run(
      [
        "train", "squeezenet-toy", "--data", "pets", "--image-size", "32", "--validation", "pets/test", "--epochs", "1",
        "--output", "own",
      ])
    #expect(own.status == 0, "\(own.errors)")
    #expect(try evaluate("own", "pets/train").errors.contains("own/best.h5 was trained on them"))
  }

  /// What is held out now must not have been learned before.
  @Test func anotherDivisionThanThatOfTheSourceIsSaid() throws {
    try writeTable()
    func finetune(_ output: String, _ options: String...) throws -> BuiltTool.Outcome {
      try run(
        ["finetune", "--from", "run", "--data", "table.csv", "--target", "y", "--epochs", "1", "--output", output]
          + options)
    }
    let trained = try run(
      ["train", "mlp", "--data", "table.csv", "--target", "y", "--set", "hidden=[8]", "--seed", "7"]
        + ["--exclude", "kind"] + small)
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try finetune("other").errors.contains("give --seed 7 --validation 0.1"))
    #expect(try !finetune("same", "--seed", "7").errors.contains("another division"))
    let other = try run(
      ["finetune", "--from", "run", "--data", "table.csv", "--target", "kind", "--seed", "7", "--epochs", "1"]
        + ["--output", "third"])
    #expect(
      other.status == 0 && other.errors.contains("another division") && !other.errors.contains("give --seed"),
      "rows of a class are drawn within it: \(other.errors)")
    try ToyFiles.images(at: scratch / "pets")
    let images = ["--data", "pets/train", "--epochs", "1", "--image-size", "32"]
    #expect(try run(["train", "squeezenet-toy", "--output", "images"] + images).status == 0)
    let tuned = try run(["finetune", "--from", "images", "--seed", "4", "--output", "tuned"] + images)
    #expect(tuned.status == 0 && tuned.errors.contains("another division"), "\(tuned.errors)")
  }

  /// What a network learned before its last training is not forgotten: by `evaluate`, reports and further fine-tuning.
  @Test func whatWasLearnedBeforeTheLastTrainingIsSaid() throws {
    try writeTable()
    func train(_ words: String..., seed: Int, output: String, data: String = "table.csv") throws -> String {
      let fixed = ["--data", data, "--target", "y", "--epochs", "1", "--seed", "\(seed)", "--output", output]
      let outcome = try run(words + fixed)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.errors
    }
    _ = try train("train", "mlp", "--exclude", "kind", "--set", "hidden=[4]", seed: 1, output: "first")
    let clean = try evaluate("first", "table.csv")
    #expect(clean.errors.contains("which chose nothing and trained nothing"), "\(clean.errors)")
    #expect(try clean.json()["learned_before"] == nil)
    #expect(try train("finetune", "--from", "first", seed: 2, output: "second").contains("first/best.h5 was trained"))
    let tested = try evaluate("second", "table.csv", "--report", "page")
    #expect(tested.errors.contains("test part, 15 rows of 150, some of which may have trained"), "\(tested.errors)")
    #expect(try tested.json()["learned_before"] as? Bool == true)
    let card = try String(contentsOfFile: scratch / "page/MODEL_CARD.md", encoding: .utf8)
    #expect(card.contains("may have trained a network that this one was fine"), "\(card)")
    #expect(try evaluate("second", "table.csv", "--part", "train").json()["learned_before"] == nil)
    // Dividing as the last training did does not help any more.
    for seed in [1, 2] {
      let errors = try train("finetune", "--from", "second", seed: seed, output: "third-\(seed)")
      let network = seed == 1 ? "second/best.h5 was" : "a network that second/best.h5 was fine-tuned from was"
      #expect(errors.contains("\(network) trained on these data in another division"), "\(errors)")
      #expect(!errors.contains("to hold out the same"), "\(errors)")
    }
    // Other data in between.
    let rows = (0..<60).map { "\($0 % 9),\($0 % 4),red,\($0 % 13),no" }
    try scratch.write("a,b,colour,y,kind\n" + rows.joined(separator: "\n") + "\n", to: "other.csv")
    #expect(
      try !train("finetune", "--from", "first", seed: 1, output: "between", data: "other.csv").contains("division"))
    let before = try evaluate("between", "table.csv")
    #expect(before.errors.contains("a network that between/best.h5 was fine-tuned from was trained on them"))
    let again = try train("finetune", "--from", "between", seed: 4, output: "last")
    #expect(again.contains("fine-tuned from was trained on these data in another division"), "\(again)")
    #expect(try !train("finetune", "--from", "between", seed: 1, output: "same").contains("another division"))
  }

  /// The networks that are averaged held out different rows: no row is new to all of them.
  @Test func whatAveragedNetworksHaveLearnedIsSaid() throws {
    // Of words alone, and one of them in most rows, so that the preparations are the same.
    let rows = (0..<150).map { "\($0 % 4 == 0 ? "blue" : "red"),\($0 % 3 == 0 ? "yes" : "no")" }
    try scratch.write("colour,kind\n" + rows.joined(separator: "\n") + "\n", to: "table.csv")
    let fixed = ["--data", "table.csv", "--target", "kind", "--epochs", "1", "--set", "hidden=[4]"]
    for seed in ["1", "2"] {
      let outcome = try run(["train", "mlp", "--seed", seed, "--output", "run-\(seed)"] + fixed)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let averaged = try run(["average", "run-1", "run-2", "--output", "mean.h5"])
    #expect(averaged.status == 0, "\(averaged.errors)")
    let found = try evaluate("mean.h5", "table.csv")
    #expect(found.errors.contains("a network that mean.h5 is an average of was trained on them"), "\(found.errors)")
    let tuned = try run(
      [
        "finetune", "--from", "mean.h5", "--data", "table.csv", "--target", "kind", "--epochs", "1", "--seed", "1",
        "--output", "tuned",
      ])
    #expect(
      tuned.errors.contains("a network that mean.h5 is an average of was trained on these data in another division"),
      "\(tuned.errors)")
    #expect(try evaluate("tuned", "table.csv").json()["learned_before"] as? Bool == true)
    // Those that were divided alike are evaluated on what all held out.
    #expect(try run(["average", "run-1/best.h5", "run-1/last.h5", "--output", "one.h5"]).status == 0)
    #expect(try evaluate("one.h5", "table.csv").errors.contains("which chose nothing and trained nothing"))
  }

  @Test func imagesThatWereLearnedBeforeTheLastTraining() throws {
    try ToyFiles.images(at: scratch / "pets")
    func train(_ words: String..., seed: Int, output: String) throws -> String {
      let fixed = ["--data", "pets/train", "--epochs", "1", "--image-size", "32", "--validation", "0.3"]
      let outcome = try run(words + fixed + ["--seed", "\(seed)", "--output", output])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.errors
    }
    _ = try train("train", "squeezenet-toy", seed: 1, output: "first")
    _ = try train("finetune", "--from", "first", seed: 2, output: "second")
    let tested = try evaluate("second", "pets/train")
    #expect(tested.errors.contains("for validation, some of which may have trained"), "\(tested.errors)")
    #expect(try tested.json()["learned_before"] as? Bool == true)
    let errors = try train("finetune", "--from", "second", seed: 2, output: "third")
    #expect(errors.contains("a network that second/best.h5 was fine-tuned from was trained on these"), "\(errors)")
  }

  /// How texts are prepared divides nothing, and of a text that is read from beginning to end neither does the seed.
  @Test func theSameDivisionIsNotAnotherOne() throws {
    let rows = (0..<60).map {
      "\(["good day", "bad night", "no rain today"][$0 % 3]) \($0 % 7),\($0 % 2 == 0 ? "yes" : "no")"
    }
    try scratch.write("text,kind\n" + rows.joined(separator: "\n") + "\n", to: "texts.csv")
    let texts = ["--data", "texts.csv", "--text", "text", "--target", "kind", "--epochs", "1"]
    let first = try run(["train", "sequence-lstm", "--set", "hidden=4", "--output", "texts"] + texts)
    #expect(first.status == 0, "\(first.errors)")
    let shorter = try run(["finetune", "--from", "texts", "--sequence-length", "6", "--output", "shorter"] + texts)
    #expect(shorter.status == 0 && !shorter.errors.contains("another division"), "\(shorter.errors)")
    let other = try run(["finetune", "--from", "texts", "--seed", "3", "--output", "other"] + texts)
    #expect(other.status == 0 && other.errors.contains("another division"), "\(other.errors)")

    try scratch.write(String(repeating: "the cat sat on the mat. ", count: 100), to: "play.txt")
    let play = ["--data", "play.txt", "--batch-size", "4", "--sequence-length", "16", "--epochs", "1"]
    let read = try run(["train", "char-gru", "--set", "hidden=4", "--output", "play"] + play)
    #expect(read.status == 0, "\(read.errors)")
    let seeded = try run(["finetune", "--from", "play", "--seed", "5", "--output", "seeded"] + play)
    #expect(seeded.status == 0 && !seeded.errors.contains("another division"), "\(seeded.errors)")
    let shared = try run(["finetune", "--from", "play", "--validation", "0.2", "--output", "shared"] + play)
    #expect(shared.status == 0 && shared.errors.contains("another division"), "\(shared.errors)")
    #expect(try evaluate("shared", "play.txt").errors.contains("which chose nothing and trained nothing"))
    #expect(try evaluate("shared", "play.txt", "--part", "validation").errors.contains("may have trained"))
  }

  @Test func imagesThatANetworkMayHaveBeenTrainedOn() throws {
    try ToyFiles.images(at: scratch / "pets")
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    let all = try evaluate("toy.h5", "pets/train")
    #expect(all.errors.contains("does not say what it was trained on"), "\(all.errors)")
    #expect(!(try evaluate("toy.h5", "pets").errors.contains("trained on")))
    let wrong = try evaluate("toy.h5", "pets", "--part", "tset")
    #expect(wrong.status == 64 && wrong.errors.contains("--part"))
  }

  @Test func aTestOfItsOwnIsNamed() throws {
    let rows = (0..<40).map { "\($0),\($0 % 7)" }
    try scratch.write("a,y\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
    try scratch.write("a,y\n1,2\n3,4\n5,5\n", to: "test.csv")
    let trained = try run([
      "train", "mlp", "--data", "rows.csv", "--target", "y", "--test", "test.csv", "--set", "hidden=[4]", "--epochs",
      "1",
      "--output", "run",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    expectFault(try run(["evaluate", "run"]), "--part test", "give \(scratch / "test.csv") with --data")
    #expect(try evaluate("run", "test.csv").json()["rows"] as? Int == 3)
  }

  @Test func classesWithoutImagesAreScoredAsUndefined() throws {
    try ToyFiles.checkpoint().write(to: scratch / "toy.h5")
    try ToyFiles.images(at: scratch / "pets")
    try FileManager.default.createDirectory(atPath: scratch / "cats", withIntermediateDirectories: false)
    try FileManager.default.copyItem(atPath: scratch / "pets/test/cat", toPath: scratch / "cats/cat")
    let scored = try evaluate("toy.h5", "cats")
    #expect(scored.status == 0, "\(scored.errors)")
    #expect(scored.errors.contains("cats: has no images of 1 of 2 classes: 'dog'"), "\(scored.errors)")
    let report = try scored.json()
    #expect(report["images"] as? Int ?? 0 > 0 && report["classes"] as? [String] == ["cat", "dog"])
    #expect((report["undefined"] as? [String])?.isEmpty == false)
  }
}
