import Aviary
import Foundation
import Testing

/// Runs that go on elsewhere, longer, or with other threads, and what is noticed about their data.
@Suite struct ResumeCommandTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "pets")
  }

  private func train(_ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(
      [
        "train", "squeezenet-toy", "--data", "pets", "--output", "run", "--epochs", "2", "--batch-size", "8",
        "--image-size", "32", "--threads", "1", "--json",
      ] + options, in: scratch.path)
  }

  private func resume(_ options: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["train", "--resume", "run", "--json"] + options, in: scratch.path)
  }

  private func history(_ run: String = "run") throws -> [String] {
    // But for the times.
    try String(contentsOfFile: scratch / "\(run)/history.csv", encoding: .utf8).split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).prefix(6).joined(separator: ",")
    }
  }

  private func options() throws -> TrainingOptions {
    try JSONDecoder().decode(
      TrainingOptions.self, from: Data(contentsOf: URL(filePath: scratch / "run/options.json")))
  }

  @Test func goesOnBeyondItsEndAsALongerRun() throws {
    #expect(try train("--schedule", "constant").status == 0)
    let longer = try resume("--epochs", "4", "--workers", "3")
    #expect(longer.status == 0, "\(longer.errors)")
    #expect(longer.errors.contains("4 instead of 2 epochs: the schedule stays as it was"), "\(longer.errors)")
    #expect(try longer.json()["epochs"] as? Int == 4)
    let whole = try BuiltTool.run(
      [
        "train", "squeezenet-toy", "--data", "pets", "--output", "whole", "--epochs", "4", "--batch-size", "8",
        "--image-size", "32", "--threads", "1", "--schedule", "constant",
      ], in: scratch.path)
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(try history() == history("whole"), "with a constant rate it is the longer run")
    #expect(try options().epochs == 4 && options().workers == 3, "the run keeps its changes")
    expectFault(try resume("--epochs", "3"), "--epochs 3: the run has begun epoch 4")
    #expect(try history().count == 5)
  }

  @Test func goesOnWithItsLogs() throws {
    func steps(_ name: String) throws -> [Int] {
      try String(contentsOfFile: scratch / "run/\(name).csv", encoding: .utf8).split(separator: "\n").dropFirst()
        .compactMap { $0.split(separator: ",").first.flatMap { Int($0) } }
    }
    #expect(try train("--history-steps", "--log-every", "2").status == 0)
    let half = try steps("steps").count
    #expect(half >= 4)
    let longer = try resume("--epochs", "4")
    #expect(longer.status == 0, "\(longer.errors)")
    #expect(try steps("steps") == Array(1...2 * half))
    #expect(try Set(steps("layers")) == Set((1...half).map { 2 * $0 }))
    // What is given anew holds from here on.
    let other = try resume("--epochs", "5", "--log-every", "\(half)")
    #expect(other.status == 0, "\(other.errors)")
    #expect(try options().watching.logEvery == half && options().watching.recordsSteps)
    #expect(try steps("steps") == Array(1...half / 2 * 5))
    #expect(try Set(steps("layers")) == Set((1...half).map { 2 * $0 }))
    expectFault(try BuiltTool.run(["train", "--resume", "none"], in: scratch.path), "is not a training run")
  }

  @Test func aScheduleIsStretchedToTheNewEnd() throws {
    #expect(try train("--schedule", "cosine").status == 0)
    let longer = try resume("--epochs", "4")
    #expect(longer.status == 0 && longer.errors.contains("the schedule is stretched to the new end"))
    #expect(longer.errors.contains("the learning rate of the next step is 0.0005, not 0"), "\(longer.errors)")
    let same = try resume("--threads", "2")
    #expect(same.status == 0 && same.errors.contains("2 instead of 1 threads"))
  }

  @Test func aRunThatStoppedEarlyGoesOn() throws {
    #expect(try train("--patience", "1", "--min-delta", "100", "--epochs", "5").status == 0)
    #expect(try history().count == 3)
    let same = try resume()
    #expect(same.status == 0)
    #expect(try history().count == 3)
    #expect(try resume("--epochs", "6").status == 0)
    #expect(try history().count == 4, "one more epoch without improvement")
  }

  /// The file is read again as it was at the beginning: under which names, and with which preparation.
  @Test func aFineTuningThatWasKilledAtOnceReadsItsForeignFileAgain() throws {
    var foreign = Checkpoint()
    for entry in try ToyFiles.checkpoint("squeezenet-toy").entries {
      foreign.set(entry.array, at: "module." + entry.path)
    }
    try foreign.write(to: scratch / "in.safetensors")
    let begun = try BuiltTool.run(
      [
        "finetune", "--from", "in.safetensors", "--architecture", "squeezenet-toy", "--rename", #"^module\.="#,
        "--preprocessing", "unit", "--data", "pets", "--output", "run", "--epochs", "2", "--batch-size", "8",
        "--image-size", "32", "--threads", "1",
      ], in: scratch.path)
    #expect(begun.status == 0, "\(begun.errors)")
    let known = try history()
    for name in try FileManager.default.contentsOfDirectory(atPath: scratch / "run") where name != "options.json" {
      try FileManager.default.removeItem(atPath: scratch / "run/\(name)")
    }
    let resumed = try BuiltTool.run(["finetune", "--resume", "run"], in: scratch.path)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try history() == known)
  }

  @Test func otherSharesOfImagesMayBeUnreadable() throws {
    try scratch.write("no picture", to: "pets/train/cat/broken.jpg")
    #expect(try train().status == 0)
    expectFault(try resume("--epochs", "3", "--max-skipped", "0"), "broken.jpg")
    let lenient = try resume("--epochs", "3", "--max-skipped", "50%")
    #expect(lenient.status == 0, "\(lenient.errors)")
    #expect(try options().images.mostSkipped == 0.5)
    let rows = (0..<40).map { "\($0),\($0 % 2 == 0 ? "even" : "odd")" }
    try scratch.write("a,parity\n" + rows.joined(separator: "\n"), to: "table.csv")
    let table = try BuiltTool.run(
      [
        "train", "mlp", "--data", "table.csv", "--target", "parity", "--set", "hidden=[4]", "--epochs", "1", "--output",
        "t",
      ],
      in: scratch.path)
    #expect(table.status == 0, "\(table.errors)")
    expectFault(
      try BuiltTool.run(["train", "--resume", "t", "--max-skipped", "0"], in: scratch.path),
      "--max-skipped is for images")
  }

  @Test func dataThatMovedAreFoundByWhatTheyHold() throws {
    #expect(try train("--validation", "pets/test").status == 0)
    try FileManager.default.moveItem(atPath: scratch / "pets", toPath: scratch / "animals")
    expectFault(try resume("--epochs", "3"), "pets: no such file or folder", "--data")
    let moved = try resume("--data", "animals", "--epochs", "3")
    #expect(moved.status == 0, "\(moved.errors)")
    #expect(try options().data == scratch / "animals")
    #expect(try options().validation == .folder(scratch / "animals/test"))
    // Another picture under the same name, of the same size.
    let photo = try #require(
      try FileManager.default.contentsOfDirectory(atPath: scratch / "animals/train/cat").sorted().first)
    let path = scratch / "animals/train/cat/\(photo)"
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(filePath: path))
    let before = try Data(contentsOf: URL(filePath: scratch / "run/last.h5"))
    expectFault(try resume("--epochs", "5"), photo, "has changed since the run began")
    #expect(try Data(contentsOf: URL(filePath: scratch / "run/last.h5")) == before)
    #expect(try options().epochs == 3, "nothing is changed by what is refused")
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(filePath: path))
    #expect(try resume("--epochs", "4").status == 0)
    try FileManager.default.moveItem(atPath: path, toPath: path + "-renamed.jpg")
    expectFault(try resume("--epochs", "5"), "other data")
  }

  @Test func aTableThatMovedIsTheSameByItsRows() throws {
    let rows = (0..<60).map { "\($0 % 10),\($0 % 7)" }
    try scratch.write("a,y\n" + rows.joined(separator: "\n") + "\n", to: "table.csv")
    let trained = try BuiltTool.run(
      [
        "train", "mlp", "--data", "table.csv", "--target", "y", "--set", "hidden=[4]", "--output", "run", "--epochs",
        "1",
      ], in: scratch.path)
    #expect(trained.status == 0, "\(trained.errors)")
    try FileManager.default.moveItem(atPath: scratch / "table.csv", toPath: scratch / "moved.csv")
    #expect(try resume("--data", "moved.csv", "--epochs", "2").status == 0)
    try scratch.write("a,y\n" + rows.reversed().joined(separator: "\n") + "\n", to: "other.csv")
    expectFault(try resume("--data", "other.csv", "--epochs", "3"), "other.csv holds other data")
    #expect(try options().data == scratch / "moved.csv")
  }

  @Test func aRunAndItsDataLieApart() throws {
    try FileManager.default.createSymbolicLink(atPath: scratch / "link", withDestinationPath: scratch / "pets/train")
    for output in ["pets/run", "pets", "pets/train/cat/../run", "link/run", "./pets/new/run"] {
      let refused = try BuiltTool.run(
        ["train", "squeezenet-toy", "--data", "pets", "--output", output], in: scratch.path)
      expectFault(refused, "is inside the data folder", "--output")
    }
    for output in [".", scratch.path] {
      let refused = try BuiltTool.run(
        ["train", "squeezenet-toy", "--data", "pets", "--output", output], in: scratch.path)
      expectFault(refused, "contains the data folder")
    }
    #expect(scratch.names == ["link", "pets"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch / "pets").sorted() == ["test", "train"])
    // A name that only begins like that of the data is another folder.
    #expect(
      try BuiltTool.run(
        [
          "train", "squeezenet-toy", "--data", "pets", "--output", "pets-run", "--epochs", "1", "--image-size", "32",
        ], in: scratch.path
      ).status == 0)
  }

  @Test func whatAKilledProcessLeftIsRemoved() throws {
    #expect(try train().status == 0)
    let left = [
      ".dat.nosync1a2b.Xy12Zw", ".last.h5.a1B2c3", ".best.h5.QQQQQQ", ".history.csv.abcdef", ".images.json.000000",
    ]
    for name in left { try scratch.write("half", to: "run/" + name) }
    try scratch.write("mine", to: "run/.notes")
    #expect(try resume("--epochs", "3").status == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch / "run").sorted()
    #expect(
      names == [
        ".lock", ".notes", "best.h5", "history.csv", "images.json", "last.h5", "options.json", "summary.json",
      ])
  }
}
