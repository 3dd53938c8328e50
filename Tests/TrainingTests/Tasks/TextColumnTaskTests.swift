import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on the texts of tables, from their files to their checkpoints.
@Suite struct TextColumnTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  /// Words of two kinds, which their letters tell.
  private func words() throws -> String {
    var random = RandomStream(seed: 4, purpose: "words")
    var text = "word,kind\n"
    for row in 0..<160 {
      let letters = Array(row % 2 == 0 ? "abcde" : "cdefg")
      text += String((0..<4 + random.integer(below: 9)).map { _ in letters[random.integer(below: 5)] })
      text += row % 2 == 0 ? ",low\n" : ",high\n"
    }
    return try place.write(text, to: "words.csv")
  }

  @Test func textsInATableAreSorted() throws {
    let data = try words()
    var options = place.options(data, epochs: 10)
    options.kind = .textColumn(TextColumnSettings(target: "kind", column: "word"))
    options.configuration = [ConfigurationChange(name: "hidden", value: "12")]
    let summary = try place.train("sequence-gru", options)
    #expect(summary.classes == ["high", "low"] && summary.items == "texts")
    #expect(try #require(summary.testAccuracy) > 0.9)
    let again = try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary)
    #expect(again.testLoss == summary.testLoss)
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    guard case .textColumn(let preprocessing)? = try best.inputPreparation(),
      let model = try Registry.zoo.model(from: best, path: "best.h5").model as? SequenceClassifier
    else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(preprocessing.symbols == 8 && model.configuration.symbols == 8 && model.configuration.inputs == 32)
    let predictor = ExamplePredictor(model, preprocessing)
    let table = try preprocessing.table(csv: data)
    let metrics = try predictor.classification(preprocessing.examples(of: table), decision: best.metadata.decision)
    #expect(try #require(metrics.accuracy) > 0.9)
    // A text's answer does not depend on the others that it is filled up for, nor on characters nobody knows.
    let texts = try preprocessing.texts(of: table)
    let alone = try preprocessing.texts(of: table, rows: [3])
    for (a, b) in zip(predictor.probabilities(texts)[3], predictor.probabilities(alone)[0]) {
      #expect(abs(a - b) < 1e-5)
    }
    let strange = try Table(csv: Array("word\n???\n".utf8), path: "new.csv", kinds: ["word": .categorical])
    #expect(predictor.probabilities(try preprocessing.texts(of: strange)).count == 1)

    // Other classes, the same characters.
    let path = place.path + "/run/best.h5"
    options.data = try place.write("word,kind\n" + (0..<40).map { "xa\($0),\($0 % 3)\n" }.joined(), to: "more.csv")
    options.configuration = []
    options.epochs = 1
    _ = try NetworkTraining.start(
      options, from: .checkpoint(best, path: path), registry: .zoo, at: place.path + "/more"
    ) { _ in }
    let more = try Checkpoint.read(from: place.path + "/more/best.h5")
    guard case .textColumn(let kept)? = try more.inputPreparation() else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(kept.vocabulary == preprocessing.vocabulary && more.metadata.classes == ["0", "1", "2"])
    #expect(throws: ArchitectureFault.unsuited(architecture: "mlp", kinds: [.images, .tables], data: .text)) {
      try place.train("mlp", options, run: "other")
    }
  }
}
