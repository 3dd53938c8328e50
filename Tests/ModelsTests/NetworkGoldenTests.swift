import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

/// The toy networks against PyTorch in float64: outputs, loss, every gradient and every updated statistic.
@Suite struct ToyNetworkTests {
  static let cases: [(golden: String, configuration: String, architecture: String)] = [
    ("toy-resnet", #"{"blocks":[2,2,1,1],"widths":[8,16,24,32],"inputChannels":3,"classes":5}"#, "resnet-toy"),
    (
      "toy-squeezenet",
      #"{"poolRounding":"up","divisor":8,"head":"convolution","dropout":0,"inputChannels":3,"classes":5}"#,
      "squeezenet-toy"
    ),
    (
      "toy-squeezenet-floor",
      #"{"poolRounding":"down","divisor":8,"head":"convolution","dropout":0,"inputChannels":3,"classes":5}"#,
      "squeezenet-toy"
    ),
    (
      "toy-mobilenet",
      #"{"stages":[{"expansion":1,"channels":16,"blocks":1,"stride":1},{"expansion":2,"channels":24,"blocks":2,"stride":2},{"expansion":3,"channels":24,"blocks":1,"stride":1}],"widthMultiplier":0.5,"dropout":0,"inputChannels":3,"classes":5}"#,
      "mobilenet_v2"
    ),
  ]

  /// Networks whose configurations are those of the zoo's tests.
  static let classes: [(golden: String, architecture: String, configuration: JSONValue)] = [
    ("toy-vit", "vit_b_16", ZooCase.value(of: VisionTransformer.Configuration.toy)),
    (
      "toy-vit-representation", "vit_l_32",
      ZooCase.value(
        of: {
          var configuration = VisionTransformer.Configuration.toy
          configuration.representation = 6
          return configuration
        }())
    ),
    ("toy-convnext", "convnext_tiny", ZooCase.value(of: ConvNeXt.Configuration.toy)),
    ("toy-swin", "swin_t", ZooCase.value(of: SwinTransformer.Configuration.toy)),
    ("toy-swin-v2", "swin_v2_t", ZooCase.value(of: SwinTransformer.Configuration.toyV2)),
    ("toy-maxvit", "maxvit_t", ZooCase.value(of: MaxViT.Configuration.toy)),
  ]

  @Test(arguments: classes.map(\.golden))
  func equalsTorchvisionsOwnClass(name: String) throws {
    let entry = try #require(Self.classes.first { $0.golden == name })
    try check(name, entry.architecture, entry.configuration)
  }

  @Test(arguments: cases.map(\.golden))
  func equalsPyTorch(name: String) throws {
    let entry = try #require(Self.cases.first { $0.golden == name })
    try check(name, entry.architecture, JSONValue(parsing: entry.configuration))
  }

  private func check(_ name: String, _ architecture: String, _ configuration: JSONValue) throws {
    let golden = try Goldens(name, of: "ModelsTests")
    let model = try Registry.zoo.architecture(named: architecture).buildClassifier(configuration: configuration)
    let input = try golden.array("x")
    var checkpoint = Checkpoint()
    for (path, array) in golden.arrays(under: "weight") {
      checkpoint.set(
        !array.integers.isEmpty
          ? StoredArray(array.integers, shape: array.shape) : StoredArray(array.floats, shape: array.shape), at: path)
    }
    try model.load(checkpoint)
    try compare(model, golden, x: Tensor(input.floats, shape: input.shape))
  }

  private func compare(_ model: some Classifier, _ golden: Goldens, x: Tensor) throws {
    let labels = IntTensor(try golden.array("labels").integers.map { Int32($0) })
    try expectClose(model(x).scalars, golden.array("logits/inference"), name: "logits in inference")
    let (loss, gradients, extra) = valueWithGradients(of: model) {
      let x = watched(x)
      let logits = model(x)
      return (crossEntropy(logits, labels: labels), (logits: logits, x: x))
    }
    try expectClose(extra.logits.scalars, golden.array("logits/training"), name: "logits in training")
    try expectClose([loss.scalar], golden.array("loss"), name: "loss")
    for parameter in model.parameters {
      let gradient = try #require(gradients[parameter], "\(parameter.path) has no gradient")
      // Of a bias before a normalisation nothing is left but rounding.
      if try golden.array("gradient/\(parameter.path)").values.allSatisfy({ abs($0) < 1e-12 }) {
        #expect(gradient.scalars.allSatisfy { abs($0) < 1e-6 }, "\(parameter.path)")
        continue
      }
      try expectClose(
        gradient.scalars, golden.array("gradient/\(parameter.path)"), relativeL2: gradientTolerance,
        name: "gradient of \(parameter.path)")
    }
    let dx = try #require(gradients[extra.x])
    try expectClose(
      dx.scalars, golden.array("gradient_of_x"), relativeL2: gradientTolerance, name: "gradient of the input")
    let state = model.checkpoint(architecture: "toy")
    for (path, expected) in golden.arrays(under: "updated") {
      let array = try #require(state[path])
      if !expected.integers.isEmpty {
        #expect(array.integers() == expected.integers)
      } else {
        expectClose(try #require(array.floats()), expected, name: path)
      }
    }
    try expectClose(model(x).scalars, golden.array("logits/inference_after"), name: "logits after the step")
  }
}

private func expectClose(
  _ actual: [Float], _ golden: Goldens.Array, relativeL2: Double = 1e-5, name: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(
    actual: actual, expected: golden.values, relativeL2: relativeL2, name: name, sourceLocation: sourceLocation)
}
