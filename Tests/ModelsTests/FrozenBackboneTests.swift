import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTestSupport
import Testing

@testable import AviaryTensors

/// What a frozen backbone costs, and that fusing changes nothing.
@Suite struct FrozenBackboneTests {
  static let names = ["resnet-toy", "squeezenet-toy"]

  func model(_ name: String) throws -> any Classifier {
    let model = try Registry.zoo.architecture(named: name).buildClassifier().replacingHead(outputs: 3, seed: 0)
    model.initialize(seed: 3)
    return model
  }

  let x: Tensor = {
    var numbers = TestNumbers(seed: 4)
    return Tensor(numbers.floats(4 * 3 * 48 * 48), shape: [4, 3, 48, 48])
  }()
  let labels = IntTensor([0, 1, 2, 0])

  @Test(arguments: names)
  func nothingIsRecordedForIt(name: String) throws {
    func check(_ model: some Classifier) throws {
      model.freezeBackbone()
      let before = model.checkpoint(architecture: "")
      let alone = model.features(x).scalars
      let (_, gradients, features) = valueWithGradients(of: model) {
        let features = model.features(x)
        #expect(!features.isTracked, "no tape knows what the backbone made")
        return (crossEntropy(model.head(features), labels: labels), features)
      }
      #expect(features.scalars == alone, "it runs as in inference, fused, bit for bit")
      let head = model.parameters.filter { $0.path.hasPrefix(model.headPath + ".") }
      #expect(gradients.byVariable.count == head.count && head.allSatisfy { gradients[$0] != nil })
      #expect(CheckpointDifference(before, model.checkpoint(architecture: "")).isEmpty, "statistics are kept")
    }
    try check(model(name))
  }

  /// A pass that differentiates folds no normalisation into a convolution: the figures are those of one layer after the
  /// other.
  @Test(arguments: names)
  func fusedInferenceEqualsOneLayerAfterTheOther(name: String) throws {
    func check(_ model: some Classifier) throws {
      for _ in 0..<3 { withMode(.training) { _ = model(x) } }  // statistics that are not 0 and 1
      let (_, _, logits) = valueWithGradients(of: model, mode: .inference) {
        let logits = model(x)
        return (crossEntropy(logits, labels: labels), logits)
      }
      expectClose(actual: model(x).scalars, expected: logits.scalars.map(Double.init), name: name)
    }
    try check(model(name))
  }
}
