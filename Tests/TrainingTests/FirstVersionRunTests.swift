import AviaryCheckpoints
import AviaryModels
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// A run that Aviary 0.1 began and was interrupted in resumes, and comes to what 0.1 came to without the interruption.
@Suite struct FirstVersionRunTests {
  private static func url(_ name: String) -> URL { Goldens.url("version-0.1/\(name)", of: "TrainingTests") }

  @Test func resumes() async {
    // In a process of its own: the run was begun with one thread, and the number of threads belongs to the process.
    await #expect(processExitsWith: .success) { try Self.resume() }
  }

  private static func resume() throws {
    let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "aviary-0.1-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: url("run"), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let options = folder.appending(path: "options.json")
    let text = try String(contentsOf: options, encoding: .utf8)
    let data = url("flowers.csv").path
    try text.replacing("DATA", with: data).write(to: options, atomically: true, encoding: .utf8)

    let before = try Checkpoint.read(from: folder.path + "/last.h5")
    let saved = try #require(before.trainingState)
    let state = try LoopState(json: #require(saved.state))
    #expect(state.epoch == 7 && state.batchInEpoch == 2 && state.history.count == 7)
    #expect(saved.averages.keys.sorted() == saved.optimizer.keys.sorted() && saved.optimizer.count == 4)

    let summary = try #require(try NetworkTraining.resume(at: folder.path, registry: .zoo) { _ in }.summary)
    let expected = try JSONDecoder().decode(RunSummary.self, from: Data(contentsOf: url("finished-summary.json")))
    #expect(summary.epochs == expected.epochs && summary.bestEpoch == expected.bestEpoch)
    #expect(summary.testAccuracy == expected.testAccuracy)
    for name in ["best.h5", "last.h5"] {
      let found = try Checkpoint.read(from: folder.path + "/" + name)
      let finished = try Checkpoint.read(from: url("finished-" + name).path)
      // The same bits on the machine that wrote them; rounding differs between processors.
      let difference = CheckpointDifference(found, finished)
      #expect(difference.largest < 1e-5 && difference.onlyInFirst.isEmpty && difference.onlyInSecond.isEmpty)
      #expect(found.metadata.preprocessing == finished.metadata.preprocessing)
      #expect(found.metadata.configuration == finished.metadata.configuration)
      #expect(found.trainingState?.averages.count == finished.trainingState?.averages.count)
    }
  }
}
