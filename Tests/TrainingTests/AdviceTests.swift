import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryTraining

/// Advice on layers and rare classes.
@Suite struct AdviceTests {
  private func depth(_ layer: String, _ accuracy: Double, _ error: Double = 0.01) -> Advice.Depth {
    Advice.Depth(layer: layer, balancedAccuracy: accuracy, standardError: error)
  }

  @Test func theTableDecides() {
    let similar = [depth("layer1", 0.6), depth("layer2", 0.7), depth("layer3", 0.9), depth("layer4", 0.95)]
    let different = [depth("layer1", 0.6), depth("layer2", 0.8), depth("layer3", 0.79), depth("layer4", 0.6)]
    let useless = [depth("layer1", 0.52), depth("layer4", 0.55)]
    let few = Verdict(counts: [20, 20], depths: similar)
    #expect(few.size == .small && few.similarity == .similar && few.trained.isEmpty && !few.isWholeNetworkTrained)
    #expect(few.arguments(images: 40) == ["--freeze", "backbone", "--epochs", "40"])
    let many = Verdict(counts: [750, 750], depths: similar)
    #expect(many.size == .large && many.similarity == .similar && many.isWholeNetworkTrained)
    #expect(Array(many.arguments(images: 1500).suffix(4)) == ["--epochs", "10", "--monitor", "loss"])
    #expect(Array(many.arguments(images: 50_000).suffix(4)) == ["--epochs", "5", "--monitor", "loss"])
    #expect(Array(many.arguments(images: 1500, monitored: "macro-f1").suffix(2)) == ["--monitor", "macro-f1"])
    let other = Verdict(counts: [20, 30, 10], depths: different)
    #expect(other.similarity == .different && other.trained == ["layer3", "layer4"])
    #expect(other.arguments(images: 60).contains { $0.hasPrefix("layer3..layer4@") })
    let whole = Verdict(counts: [6000, 6000], depths: different)
    #expect(whole.isWholeNetworkTrained && !whole.arguments(images: 12_000).contains("--freeze"))
    #expect(Verdict(counts: [500, 500], depths: useless).isWholeNetworkTrained)
    #expect(Verdict(counts: [], depths: []).trained.isEmpty)
    for verdict in [few, many, other, whole] { #expect(verdict.reasons.count == 3) }
  }

  /// The table shows earlier layers that do better: the sentence says by how much they would have to.
  @Test func theReasonsSayWhatTheTableSays() {
    let close = Verdict(
      counts: [30, 30],
      depths: [depth("layer2", 0.867, 0.03), depth("layer3", 0.883, 0.02), depth("layer4", 0.85, 0.025)])
    #expect(close.similarity == .similar)
    #expect(
      close.reasons[1].hasSuffix(
        "those of layer3 do better, 88.3 %, by no more than both standard errors together, 4.5 %"))
    let beaten = Verdict(
      counts: [30, 30], depths: [depth("layer2", 0.895), depth("layer3", 0.9), depth("layer4", 0.85)])
    #expect(beaten.similarity == .different && beaten.trained == ["layer3", "layer4"])
    #expect(
      beaten.reasons[1].hasSuffix(
        "but those of layer3 do better, 90.0 %, by more than both standard errors together, 2.0 %"))
    #expect(beaten.reasons[2].contains("then what comes after layer2, the first whose features are within"))
    let last = Verdict(counts: [30, 30], depths: [depth("layer3", 0.9), depth("layer4", 0.9)])
    #expect(last.reasons[1].hasSuffix("no earlier layer does better"))
  }

  @Test func aProbeMeasuresWhatFeaturesSay() {
    var numbers = TestNumbers(seed: 2)
    let labels = (0..<60).map { Int32($0 % 3) }
    func accuracy(_ strength: Float) -> LinearProbe.Outcome {
      let features = labels.flatMap { label in
        (0..<4).map { column in numbers.floats(1)[0] + (column == Int(label) ? strength : 0) }
      }
      return LinearProbe(features: features, width: 4, labels: labels, classes: 3).crossValidated()
    }
    let (clear, nothing) = (accuracy(6), accuracy(0))
    #expect(clear.folds.count == 5 && clear.balancedAccuracy > 0.95)
    #expect(nothing.balancedAccuracy < 0.6 && nothing.standardError > 0)
    let folds = LinearProbe.folds(labels, classes: 3, count: 5, seed: 1)
    #expect(folds.flatMap { $0 }.sorted() == Array(0..<60))
    for fold in folds { #expect((0..<3).allSatisfy { label in fold.count { Int(labels[$0]) == label } == 4 }) }
  }

  /// Also of a SqueezeNet whose own head takes maps, where the new one takes their means.
  @Test(arguments: [("resnet-toy", "layer4"), ("squeezenet-toy", "features.")])
  func imagesAreAdvisedOn(name: String, last: String) throws {
    let photographs = try Photographs()
    let model = try Registry.zoo.architecture(named: name).buildClassifier()
    model.initialize(seed: 1)
    func open(_ model: some Classifier) throws -> Advice {
      let images = try photographs.training()
      // One class has a few photographs only.
      let entries = images.entries.filter { $0.label == 0 } + images.entries.filter { $0.label == 1 }.prefix(3)
      return try Advice(
        model, on: ImageFolder(classes: images.classes, entries: entries), preprocessing: .unit(size: 32), workers: 2)
    }
    let advice = try open(model)
    #expect(advice.depths.last?.layer.hasPrefix(last) == true && advice.depths.count > 2)
    #expect(advice.depths.allSatisfy { (0...1).contains($0.balancedAccuracy) })
    #expect(advice.size == .small && advice.rare == [1])
    #expect(advice.treatments.map(\.treatment) == RareClassTreatment.allCases)
    #expect(advice.treatments.max { $0.macroF1 < $1.macroF1 }?.treatment == advice.treatment)
    #expect(advice.arguments.contains("--freeze") && advice.reasons.count == 5)
  }
}
