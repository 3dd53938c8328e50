import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on graphs, from their files to their checkpoints.
@Suite struct GraphTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  @Test func theNodesOfAGraphAreLearned() throws {
    let graph = place.path + "/graph"
    try FileManager.default.createDirectory(atPath: graph, withIntermediateDirectories: true)
    _ = try place.write(
      (0..<60).map { "\($0) \($0 / 30 * 30 + ($0 + 1) % 30)\n" }.joined(), to: "graph/edges.txt")
    _ = try place.write((0..<60).map { $0 % 3 == 2 ? "2\n" : "\($0 / 30)\n" }.joined(), to: "graph/features.txt")
    _ = try place.write((0..<60).map { "\($0 / 30)\n" }.joined(), to: "graph/labels.txt")
    let summary = try place.train("gcn", place.options(graph, epochs: 40))
    #expect(summary.classes == ["0", "1"])
    #expect(try #require(summary.testAccuracy) > 0.9)
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    #expect(try best.inputPreparation() == .graph(.init(normalizesFeatures: true, splitSeed: 0)))
    #expect(
      try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary).testAccuracy
        == summary.testAccuracy)
    #expect(throws: ArchitectureFault.unsuited(architecture: "char-toy", kinds: [.text], data: .graphs)) {
      try place.train("char-toy", place.options(graph, epochs: 1), run: "other")
    }
  }
}
