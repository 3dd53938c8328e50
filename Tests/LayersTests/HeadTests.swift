import AviaryTensors
import Testing

@testable import AviaryLayers

/// `replacingHead` is written once, for every network.
@Suite struct HeadTests {
  @Test func theBackboneIsSharedAndTheHeadIsNew() throws {
    let model = TinyNetwork.filled()
    try model.freeze(["conv1"])
    model.bn1.epsilon.assign(0.5)
    let other = model.replacingHead(classes: 7, seed: 5)
    #expect(other.configuration.classes == 7 && other.fc.weight.shape == [7, 4])
    #expect(other.bn1.epsilon.value == 0.5 && other.conv1.weight.isFrozen)
    for (own, shared) in zip(model.inventory.cells, other.inventory.cells) where !own.path.hasPrefix("fc.") {
      #expect(own.cell.identity == shared.cell.identity, "\(own.path)")
    }
    #expect(model.fc.weight.identity != other.fc.weight.identity)
    // What one learns the other knows.
    other.bn1.weight.assign(Tensor(repeating: 3, shape: [4]))
    other.bn1.runningMean.assign(Tensor(repeating: 2, shape: [4]))
    #expect(model.bn1.weight.tensor.scalars == [3, 3, 3, 3] && model.bn1.runningMean.tensor.scalars == [2, 2, 2, 2])
    #expect(model.replacingHead(classes: 7, seed: 5).fc.weight.tensor.scalars == other.fc.weight.tensor.scalars)
    #expect(model.replacingHead(classes: 7, seed: 6).fc.weight.tensor.scalars != other.fc.weight.tensor.scalars)
  }

  /// A network with an auxiliary head, as GoogLeNet has them.
  struct TwoHeads: AuxiliaryClassifier {
    struct Configuration: ClassifierConfiguration {
      var classes = 3

      func validate(input: [Int]?) throws(ConfigurationFault) {}
    }

    let configuration: Configuration
    let stem = Linear(4, 5)
    let aux: Linear
    let body = Linear(5, 6)
    let fc: Linear

    var headPath: String { "fc" }
    var auxiliaryHeadPaths: [String] { ["aux"] }

    init(_ configuration: Configuration) {
      self.configuration = configuration
      aux = Linear(5, configuration.classes)
      fc = Linear(6, configuration.classes)
    }

    func features(_ x: Tensor) -> Tensor { relu(body(relu(stem(x)))) }
    func head(_ features: Tensor) -> Tensor { fc(features) }

    func trainingOutputs(_ x: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput]) {
      let early = relu(stem(x))
      return (fc(relu(body(early))), [AuxiliaryOutput(aux(early), weight: 0.3)])
    }
  }

  @Test func auxiliaryHeadsAreReplacedWithTheMainOne() {
    let model = TwoHeads(.init())
    model.initialize(seed: 1)
    let other = model.replacingHead(classes: 2, seed: 3)
    #expect(other.aux.weight.shape == [2, 5] && other.fc.weight.shape == [2, 6])
    #expect(other.stem.weight.identity == model.stem.weight.identity)
    other.freezeBackbone()
    #expect(other.trainableParameters.map(\.path) == ["aux.weight", "aux.bias", "fc.weight", "fc.bias"])
    let x = Tensor(repeating: 1, shape: [2, 4])
    let (logits, auxiliary) = other.trainingOutputs(x)
    #expect(logits.scalars == other(x).scalars && auxiliary.map(\.weight) == [0.3])
  }
}
