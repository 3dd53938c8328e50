import Foundation
import Testing

@testable import AviaryTraining

@Suite struct RunFolderTests {
  struct Options: Codable, Equatable {
    var data = "photos/cats \"and\" dogs"
    var epochs = 3
    var optimizer = OptimizerConfiguration(.adamw, learningRate: 1e-3)
  }

  /// A path that does not exist yet, and goes away after `body`.
  func withPath(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "aviary-run-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appending(path: "runs/first").path)
  }

  func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  func row(_ epoch: Int) -> HistoryRow {
    HistoryRow(
      epoch: epoch, training: Scores(loss: 0.123456789, accuracy: 0.5), validation: Scores(loss: 1.5),
      learningRate: 1e-3, seconds: 12.3456789, itemsPerSecond: 1234.5678)
  }

  @Test func optionsComeBack() throws {
    try withPath { path in
      do {
        let run = try RunFolder(creating: path, options: Options())
        #expect(run.path == path && !run.hasState)
      }
      let run = try RunFolder(resuming: path)
      #expect(try run.readOptions(as: Options.self) == Options())
    }
  }

  @Test func anExistingRunIsNotOverwritten() throws {
    for name in ["best.h5", "last.h5", "history.csv", "summary.json"] {
      try withPath { path in
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("kept".utf8).write(to: URL(filePath: path + "/" + name))
        let fault = #expect(throws: RunFault.alreadyExists(path: path)) {
          try RunFolder(creating: path, options: Options())
        }
        #expect(fault?.description.contains("--resume \(path)") == true)
        #expect(try text(path + "/" + name) == "kept")
        #expect(try !FileManager.default.contentsOfDirectory(atPath: path).contains("options.json"))
      }
    }
  }

  @Test func aRunThatSavedNothingMayBeginAgain() throws {
    try withPath { path in
      do { _ = try RunFolder(creating: path, options: Options()) }
      let run = try RunFolder(creating: path, options: Options(epochs: 9))
      #expect(try run.readOptions(as: Options.self).epochs == 9)
    }
  }

  @Test func onlyOneTrainsIntoARun() throws {
    try withPath { path in
      do {
        let run = try RunFolder(creating: path, options: Options())
        #expect(throws: RunFault.inUse(path: path)) { try RunFolder(resuming: path) }
        #expect(throws: RunFault.inUse(path: path)) { try RunFolder(creating: path, options: Options()) }
        withExtendedLifetime(run) {}
      }
      _ = try RunFolder(resuming: path)
    }
  }

  @Test func onlyARunIsResumed() throws {
    try withPath { path in
      #expect(throws: RunFault.notARun(path: path)) { try RunFolder(resuming: path) }
      #expect(!FileManager.default.fileExists(atPath: path), "looking makes nothing")
    }
  }

  @Test func brokenOptionsAreOneLine() throws {
    try withPath { path in
      let run = try RunFolder(creating: path, options: Options())
      for (broken, hint) in [
        ("{\"data\": 3", "JSON"), ("{\"data\": \"x\"}", "epochs is missing"), ("{\"data\": 3}", "data: "),
      ] {
        try Data(broken.utf8).write(to: URL(filePath: run.options))
        let fault = #expect(throws: RunFault.self) { try run.readOptions(as: Options.self) }
        let line = fault?.description ?? ""
        #expect(line.hasPrefix(run.options) && line.contains(hint) && !line.contains("\n"), "\(line)")
      }
    }
  }

  @Test func aPlaceThatCannotBeWrittenIsOneLine() throws {
    try withPath { path in
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data().write(to: URL(filePath: path))
      let fault = #expect(throws: RunFault.self) { try RunFolder(creating: path, options: Options()) }
      let line = fault?.description ?? ""
      #expect(line.hasPrefix(path) && line.contains("cannot be written (") && !line.contains("\n"), "\(line)")
    }
  }

  @Test func historyIsReplacedAsAWhole() throws {
    try withPath { path in
      let run = try RunFolder(creating: path, options: Options())
      try run.write(history: [row(1)])
      try run.write(history: [row(1), row(2)])
      #expect(
        try text(run.history) == """
          epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,images_per_second
          1,0.123457,0.5,1.5,,0.001,12.3457,1234.57
          2,0.123457,0.5,1.5,,0.001,12.3457,1234.57

          """)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [".lock", "history.csv", "options.json"],
        "no temporary file is left")
    }
  }

  @Test func summaryHasEveryKey() throws {
    try withPath { path in
      let run = try RunFolder(creating: path, options: Options())
      var state = LoopState()
      for epoch in 1...2 {
        state.sums.add(StepResult(loss: 1, correct: 1, count: 2), learningRate: 0.1)
        state.sums.learningSeconds = Double(epoch)
        _ = state.finishEpoch(Scores(loss: 1, accuracy: 0.75 / Double(epoch)))
      }
      state.elapsedSeconds = 8
      try run.write(
        summary: RunSummary(
          architecture: "squeezenet1_1", classes: ["cat", "dog"], state: state, test: nil, parameters: 10,
          trainable: 4, skipped: 1))
      #expect(
        try text(run.summary) == """
          {
            "architecture" : "squeezenet1_1",
            "best_accuracy" : 0.75,
            "best_epoch" : 1,
            "best_loss" : 1,
            "classes" : [
              "cat",
              "dog"
            ],
            "epochs" : 2,
            "images_per_second" : 1.3333333333333333,
            "monitor" : "accuracy",
            "parameters" : 10,
            "seconds" : 8,
            "skipped" : 1,
            "test_accuracy" : null,
            "test_loss" : null,
            "trainable" : 4
          }

          """)
    }
  }

  @Test(arguments: [
    (0.0, 0.0), (0.1, 0.1), (123456.789, 123457), (1.23456789e-7, 1.23457e-7), (-2.0 / 3, -0.666667),
    (98765432.1, 98_765_400), (2e-308, 2e-308), (.infinity, .infinity),
  ])
  func sixDigits(value: Double, expected: Double) {
    #expect(significant(value, 6) == expected)
  }
}
