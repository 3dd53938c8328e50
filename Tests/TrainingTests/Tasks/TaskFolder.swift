import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// A folder for the data and runs of a test, which is removed when the test lets go of it.
final class TaskFolder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-tasks-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
    return path + "/" + name
  }

  func options(_ data: String, epochs: Int, learningRate: Double = 1e-2) -> TrainingOptions {
    // The number of threads belongs to the process, and other tests count on it.
    TrainingOptions(
      data: data, epochs: epochs, optimizer: OptimizerConfiguration(.adam, learningRate: learningRate),
      schedule: .constant, workers: 1)
  }

  func train(_ name: String, _ options: TrainingOptions, run: String = "run") throws -> RunSummary {
    let report = try NetworkTraining.start(
      options, from: .scratch(try Registry.zoo.architecture(named: name)), registry: .zoo, at: path + "/" + run
    ) { _ in }
    return try #require(report.summary)
  }
}
