import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryKeras

/// A network of the zoo's kind whose layers have the names of `norm.keras`.
private struct Named: Network {
  struct Configuration: ClassifierConfiguration {
    var classes = 2
    func validate(input: [Int]?) throws(ConfigurationFault) {}
  }

  let configuration: Configuration
  let conv = Conv2d(2, 4, kernel: 3)
  let bn = BatchNorm2d(4)
  let fc: Linear

  var headPath: String { "fc" }

  init(_ configuration: Configuration) {
    self.configuration = configuration
    fc = Linear(4, configuration.classes)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { fc(bn(conv(x)).flattened()) }
}

/// The epsilon and the momentum of a Keras model's norms come with its weights, whichever network takes these.
@Suite struct KerasNormTests {
  private static let architecture = Architecture(
    "named", "for this test", Named.self, Named.Configuration(), input: [2, 3, 3])

  @Test func aNetworkNormalisesAsKerasDoes() throws {
    let file = try Checkpoint.read(from: KerasNetworkTests.goldens + "/norm.keras")
    let (checkpoint, _) = try file.adapted(to: Self.architecture, path: "norm.keras")
    #expect(checkpoint.metadata.settings == ["bn.epsilon": 0.002, "bn.momentum": 0.15])
    let model = try #require(try Self.architecture.build() as? Named)
    try model.load(checkpoint)
    let golden = try Goldens("keras/outputs", of: "KerasTests")
    let x = try golden.array("norm/x")
    let y = inference { model(Tensor(x.floats, shape: x.shape).channelsFirst()) }
    expectClose(actual: y.scalars, expected: try golden.array("norm/y").values)
  }

  /// An axis may be counted from the end, also the first one.
  @Test(arguments: ["BatchNormalization", "GroupNormalization"]) func axesAreCountedFromBothEnds(kind: String) throws {
    func layers(_ axis: Int) throws -> [KerasLayer] {
      let text =
        #"{"class_name":"Sequential","config":{"name":"m","layers":[{"class_name":"InputLayer","config":{"batch_shape":[null,4,5,6]}},{"class_name":"\#(kind)","config":{"name":"n","groups":2,"axis":\#(axis)}}]}}"#
      return try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: "m.keras").builder.layers
    }
    #expect(try layers(-3) == layers(1) && layers(-1) == layers(3) && layers(1) != layers(3))
    #expect(throws: KerasModelFault.self) { try layers(-2) }
    #expect(throws: KerasModelFault.self) { try layers(0) }
  }

  /// A file of weights alone does not say, and a file of Aviary's keeps what it says.
  @Test func whatIsNotSaidStays() throws {
    var file = try Checkpoint.read(from: KerasNetworkTests.goldens + "/norm.keras")
    let (checkpoint, _) = try file.adapted(to: Self.architecture, path: "norm.keras")
    file = checkpoint
    file.metadata.architecture = nil
    file.metadata.settings = ["bn.epsilon": 0.5]
    let again = try file.adapted(to: Self.architecture, path: "norm.h5").checkpoint
    #expect(again.metadata.settings == ["bn.epsilon": 0.5, "bn.momentum": 0.1])
  }
}
