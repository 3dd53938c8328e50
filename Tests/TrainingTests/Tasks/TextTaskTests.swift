import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on texts, from their files to their checkpoints.
@Suite struct TextTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  @Test func aTextIsLearnedAndWrittenOn() throws {
    let data = try place.write(String(repeating: "the cat sat on the mat. ", count: 120), to: "cats.txt")
    var options = place.options(data, epochs: 6, learningRate: 1e-2)
    options.batchSize = 8
    options.kind = .text(TextOptions(sequenceLength: 24))
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "32"), ConfigurationChange(name: "embedding", value: "8"),
    ]
    let summary = try place.train("char-gru", options)
    #expect(summary.classes == [" ", ".", "a", "c", "e", "h", "m", "n", "o", "s", "t"])
    #expect(summary.testAccuracy == nil)
    #expect(try #require(summary.testLoss) < 0.35, "nats a character; 2.4 before")
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    #expect(try best.inputPreparation() == .text)
    let model = try #require(try Registry.zoo.model(from: best, path: "best.h5").model as? CharacterModel)
    let written = try model.sample(
      prompt: "the cat sat on the mat. the c", vocabulary: try best.vocabulary(path: "best.h5"), length: 10,
      sampling: Sampling(temperature: 0), stream: RandomStream(seed: 1, purpose: "test"))
    #expect(written == "at sat on ")
    // A finished run that is resumed comes to the same end.
    let again = try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary)
    #expect(again.testLoss == summary.testLoss)
  }

  @Test func aRunIsNotGoneOnWithOnOtherData() throws {
    let data = try place.write(String(repeating: "abcab", count: 200), to: "a.txt")
    var options = place.options(data, epochs: 1)
    (options.batchSize, options.kind) = (4, .text(TextOptions(sequenceLength: 10)))
    _ = try place.train("char-toy", options)
    _ = try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }
    // The same characters, as many of them.
    _ = try place.write(String(repeating: "bacab", count: 200), to: "a.txt")
    #expect(throws: TrainingFault.unusableState(reason: "\(data) holds other data than it was trained on so far")) {
      try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }
    }
  }

  @Test func aTextIsGoneOnWithFromACheckpoint() throws {
    let data = try place.write(String(repeating: "abcab", count: 200), to: "a.txt")
    var options = place.options(data, epochs: 1)
    (options.batchSize, options.kind) = (4, .text(TextOptions(sequenceLength: 10)))
    _ = try place.train("char-toy", options)
    let path = place.path + "/run/best.h5"
    let report = try NetworkTraining.start(
      options, from: .checkpoint(try Checkpoint.read(from: path), path: path), registry: .zoo, at: place.path + "/more"
    ) { _ in }
    let first = try #require(report.summary)
    #expect(first.classes == ["a", "b", "c"])
    var other = options
    other.data = try place.write(String(repeating: "abcxy", count: 200), to: "b.txt")
    let fault = #expect(throws: TextFault.self) {
      try NetworkTraining.start(
        other, from: .checkpoint(try Checkpoint.read(from: path), path: path), registry: .zoo, at: place.path + "/other"
      ) { _ in }
    }
    #expect(fault?.description.contains("'x'") == true)
  }

  @Test func aShortTextIsRefused() throws {
    let data = try place.write("too short", to: "short.txt")
    #expect(throws: TextFault.self) { try place.train("char-toy", place.options(data, epochs: 1)) }
  }
}
