import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// The published networks against torchvision's names and against PyTorch in float64.
@Suite struct FullNetworkTests {
  struct Names: Decodable {
    struct Entry: Decodable {
      let name: String
      let shape: [Int]
      let dtype: String
    }

    let parameters: Int
    let entries: [Entry]

    init(of architecture: String) throws {
      let file = Goldens.url("names-\(architecture).json", of: "ModelsTests")
      self = try JSONDecoder().decode(Names.self, from: Data(contentsOf: file))
    }
  }

  @Test(arguments: [("resnet18", 122, 11_689_512), ("squeezenet1_1", 52, 1_235_496)])
  func namesAndShapesAreTorchvisions(architecture: String, entries: Int, parameters: Int) throws {
    let names = try Names(of: architecture)
    let model = try Registry.zoo.architecture(named: architecture).buildClassifier()
    let cells = model.cellDescriptions
    #expect(cells.map(\.path) == names.entries.map(\.name))
    #expect(cells.map(\.shape) == names.entries.map(\.shape))
    #expect(cells.map { $0.role == .counter ? "int64" : "float32" } == names.entries.map(\.dtype))
    #expect(cells.count == entries)
    #expect(model.parameters.reduce(0) { $0 + $1.count } == parameters)
    #expect(names.parameters == parameters)
  }

  static let cases: [(architecture: String, configuration: String?)] = [
    ("resnet18", nil),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":1,"head":"convolution","dropout":0,"inputChannels":3,"classes":1000}"#
    ),
  ]

  @Test(arguments: cases.map(\.architecture))
  func equalsPyTorch(architecture: String) throws {
    let golden = try Goldens(architecture, of: "ModelsTests")
    let configuration = try #require(Self.cases.first { $0.architecture == architecture }).configuration
    let model = try Registry.zoo.architecture(named: architecture).buildClassifier(
      configuration: configuration.map { try JSONValue(parsing: $0) })
    try NetworkGoldens.compare(model, with: golden)
  }
}

/// Goldens of networks whose weights and inputs follow the formula.
enum NetworkGoldens {
  /// Fills the network and compares outputs, loss, gradients and updated statistics.
  static func compare(_ model: some UnaryLayer, with golden: Goldens) throws {
    try compare(model, golden, x: try filling(model, for: golden))
  }

  /// Fills the network, and returns its input.
  static func filling(_ model: some Layer, for golden: Goldens) throws -> Tensor {
    try model.load(weightsByFormula(model.cellDescriptions))
    let shape: [Int] = try golden.json("input_shape")
    return Tensor(
      Goldens.formula(count: shape.reduce(1, *), k: try golden.json("input_k"), scale: 1), shape: shape)
  }

  /// A number for each cell, in their order, which is that of PyTorch: the names are compared apart.
  private static func weightsByFormula(_ cells: [CellDescription]) -> Checkpoint {
    var checkpoint = Checkpoint()
    for (k, entry) in cells.enumerated() {
      let count = entry.shape.reduce(1, *)
      if entry.role == .counter {
        checkpoint.set(StoredArray([0] as [Int64], shape: entry.shape), at: entry.path)
        continue
      }
      let isAroundOne =
        entry.shape.count == 1 && (entry.path.hasSuffix("weight") || entry.path.hasSuffix("running_var"))
      let fanIn = entry.shape.dropFirst().reduce(1, *)
      let values = Goldens.formula(
        count: count, k: k, scale: entry.shape.count > 1 ? (6 / Double(fanIn)).squareRoot() : 0.1,
        offset: isAroundOne ? 1 : 0)
      checkpoint.set(StoredArray(values, shape: entry.shape), at: entry.path)
    }
    return checkpoint
  }

  private static func compare(_ model: some UnaryLayer, _ golden: Goldens, x: Tensor) throws {
    let labels = IntTensor(try golden.array("labels").integers.map { Int32($0) })
    try expect(model(x).scalars, golden.array("logits/inference"), "logits in inference")
    let (loss, gradients, logits) = valueWithGradients(of: model) {
      trainingLoss(model, x, labels: labels)
    }
    try expect(
      logits.scalars, golden.array("logits/training"), "logits in training",
      tolerance: tolerance(1e-5, of: "logits", golden))
    try expect([loss.scalar], golden.array("loss"), "loss", tolerance: tolerance(1e-5, of: "loss", golden))
    for parameter in model.parameters {
      let path = parameter.path
      let gradient = try #require(gradients[parameter], "\(path) has no gradient").scalars
      let norm = try golden.array("gradient_norm/\(path)")
      let found = Float(gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
      // Batch normalisation leaves nothing of a bias before it, so that its gradient is zero but for rounding.
      if norm.values[0] < 1e-9 {
        #expect(found < 1e-4, "norm of the gradient of \(path)")
        continue
      }
      let tolerance = Self.tolerance(gradientTolerance, of: "gradient/\(path)", golden)
      expectClose(
        actual: [found], expected: norm.values, relativeL2: tolerance, relativeMax: tolerance,
        name: "norm of the gradient of \(path)")
      // What samples may be off is measured by the whole gradient, of which they are an arbitrary part.
      let typical = norm.values[0] / Double(gradient.count).squareRoot()
      let spread = (0..<64).map { gradient[$0 * gradient.count / 64] }
      for (samples, name) in [(Array(gradient.prefix(16)), "first"), (spread, "spread")] {
        let expected = try golden.array("gradient_\(name)/\(path)")
        expectClose(
          actual: samples, expected: expected.values, relativeL2: tolerance, relativeMax: tolerance,
          absolute: tolerance * typical * Double(samples.count).squareRoot(),
          name: "\(name) elements of the gradient of \(path)")
      }
    }
    let state = model.checkpoint(architecture: "")
    for (path, expected) in golden.arrays(under: "updated") {
      let array = try #require(state[path])
      if path.hasSuffix("num_batches_tracked") {
        #expect(array.integers() == expected.integers)
      } else {
        expect(
          Array(try #require(array.floats()).prefix(16)), expected, path,
          tolerance: tolerance(1e-5, of: "updated/\(path)", golden))
      }
    }
  }

  /// The relative tolerance for a result: where PyTorch's own float32 is further from float64 than a quarter of the usual
  /// one, three times its distance.
  static func tolerance(_ usual: Double, of name: String, _ golden: Goldens) -> Double {
    max(usual, 3 * (golden.arrays["float32/\(name)"]?.values.first ?? 0))
  }

  static func expect(
    _ actual: [Float], _ golden: Goldens.Array, _ name: String, tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectClose(
      actual: actual, expected: golden.values, relativeL2: tolerance, relativeMax: max(1e-4, tolerance), name: name,
      sourceLocation: sourceLocation)
  }
}
