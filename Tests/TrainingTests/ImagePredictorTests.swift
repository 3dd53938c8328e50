import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct ImagePredictorTests {
  let photographs: Photographs

  init() throws { photographs = try Photographs() }

  private func checkpoint(classes: [String]? = ["a", "b", "c", "d", "e"]) throws -> Checkpoint {
    var checkpoint = try Photographs.pretrained("resnet-toy")
    checkpoint.metadata.classes = classes
    return checkpoint
  }

  @Test func answersAreTheNetworksProbabilities() throws {
    let predictor = try ImagePredictor(checkpoint(), registry: .zoo, path: "x.h5")
    let entries = Array(try photographs.training().entries.prefix(20))
    let files = entries.map(\.path)
    let many = try predictor.predict(files: files, workers: 2)
    #expect(many.count == 20)
    for (file, found) in zip(files, many) {
      let answers = try found.get()
      #expect(answers.map(\.probability) == answers.map(\.probability).sorted(by: >))
      #expect(Set(answers.map(\.name)) == ["a", "b", "c", "d", "e"])
      #expect(abs(answers.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
      let alone = try predictor.predict(file: file)
      for (answer, other) in zip(answers, alone) {
        #expect(answer.name == other.name && abs(answer.probability - other.probability) < 1e-4)
      }
    }
    let image = try DecodedImage(contentsOf: files[0])
    #expect(try predictor.predict(image) == predictor.predict(file: files[0]))
    #expect(predictor.features(Tensor(zeros: [2, 3, 32, 32])).shape.count == 2)
  }

  @Test func evaluationAgreesWithThatOfARun() throws {
    let predictor = try ImagePredictor(checkpoint(classes: nil), registry: .zoo, path: "x.h5")
    #expect(!predictor.namesClasses && predictor.classes == (0..<5).map { "class \($0)" })
    let folder = try photographs.training()
    // Five classes for a network of five.
    let labelled = ImageFolder(
      classes: predictor.classes,
      entries: folder.entries.enumerated().map { ImageEntry(path: $1.path, label: $0 % 5) })
    let (metrics, skipped) = try predictor.evaluate(labelled.entries, classes: labelled.classes, workers: 2)
    func open(_ model: some Classifier) throws -> ClassificationMetrics {
      try Evaluation.evaluate(
        model, labelled, preprocessing: predictor.preprocessing, workers: 1, decision: predictor.decision
      ).metrics
    }
    let other = try open(predictor.model)
    #expect(skipped.isEmpty && metrics.count == folder.entries.count && metrics.confusion == other.confusion)
    #expect(abs(try #require(metrics.meanLoss) - #require(other.meanLoss)) < 1e-5)
    #expect(throws: PredictionFault.classCount(path: "images", names: 2, outputs: 5)) {
      try predictor.evaluate(folder.entries, classes: folder.classes)
    }
  }

  @Test(arguments: [1, 3]) func whatCannotBeReadIsNamedInItsPlace(count: Int) throws {
    let predictor = try ImagePredictor(checkpoint(), registry: .zoo, path: "x.h5")
    let damaged = try photographs.damage()
    let good = try photographs.training().entries.last!.path
    let files = Array([damaged, good, "/nowhere.jpg"].prefix(count))
    let found = try predictor.predict(files: files)
    #expect(throws: PredictionFault.self) { try found[0].get() }
    guard case .failure(.unreadable)? = found.first else {
      Issue.record("a damaged image is unreadable")
      return
    }
    if count > 1 {
      #expect(try found[1].get().count == 5)
      #expect(throws: PredictionFault.self) { try found[2].get() }
    }
    #expect(throws: PredictionFault.self) { try predictor.predict(file: "/nowhere.jpg") }
  }

  @Test func checkpointsThatCannotPredictAreRefused() throws {
    func fault(_ change: (inout Checkpoint) -> Void) throws -> PredictionFault? {
      var changed = try checkpoint()
      change(&changed)
      do {
        _ = try ImagePredictor(changed, registry: .zoo, path: "x.h5")
        return nil
      } catch let fault as PredictionFault { return fault }
    }
    #expect(try fault { $0.metadata.headAbsent = true } == .headAbsent(path: "x.h5"))
    #expect(try fault { $0.metadata.preprocessing = nil } == .noPreprocessing(path: "x.h5"))
    #expect(try fault { $0.metadata.classes = ["one"] } == .classCount(path: "x.h5", names: 1, outputs: 5))
    var unnamed = try checkpoint()
    unnamed.metadata.architecture = nil
    #expect(throws: ArchitectureFault.self) { try ImagePredictor(unnamed, registry: .zoo, path: "x.h5") }
  }
}
