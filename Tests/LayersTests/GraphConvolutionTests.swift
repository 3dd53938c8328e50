import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// The graph convolution, its readouts, and what dropout does with features of nodes.
@Suite struct GraphConvolutionTests {
  struct Pair: Layer {
    let conv1 = GraphConvolution(5, 3)
    let conv2 = GraphConvolution(3, 2, bias: false)
    let drop = Dropout(0.5)
  }

  static let path = SparseMatrix(
    rows: 3, columns: 3, [.init(0, 1), .init(1, 0), .init(1, 2), .init(2, 1)]
  ).symmetricallyNormalized()

  static func features(_ seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(15).enumerated().map { $0.offset % 2 == 0 ? $0.element : 0 }, shape: [3, 5])
  }

  static func filled() -> Pair {
    let network = Pair()
    network.initialize(seed: 1)
    return network
  }

  @Test func namesAreThoseOfPyTorchGeometric() {
    #expect(Self.filled().namedParameters().map(\.path) == ["conv1.lin.weight", "conv1.bias", "conv2.lin.weight"])
  }

  @Test func beginsAsGlorotAndBengioAndWithoutBias() throws {
    let network = Self.filled()
    #expect(network.conv1.weight.initializer == .xavierUniform && network.conv1.weight.shape == [3, 5])
    #expect(try #require(network.conv1.bias).tensor.scalars == [0, 0, 0])
    let bound = Float(6.0 / 8).squareRoot()
    let values = network.conv1.weight.tensor.scalars
    #expect(values.allSatisfy { abs($0) <= bound } && values.contains { abs($0) > bound / 2 })
  }

  @Test func sparseAndDenseFeaturesGiveTheSame() throws {
    let network = Self.filled()
    let bias = try #require(network.conv1.bias)
    bias.assign(Tensor([1, -2, 3], shape: [3]))
    let x = Self.features()
    func pass(_ features: NodeFeatures) -> (y: [Float], weight: [Float], bias: [Float]) {
      let (_, gradients, y) = valueWithGradients(of: network) {
        let y = network.conv1(features, adjacency: Self.path)
        return ((y * y).sum(), y)
      }
      return (
        y.scalars, gradients[network.conv1.weight]?.scalars ?? [], gradients[bias]?.scalars ?? []
      )
    }
    let (sparse, dense) = (pass(.sparse(SparseMatrix(x))), pass(.dense(x)))
    for (a, b) in [(sparse.y, dense.y), (sparse.weight, dense.weight), (sparse.bias, dense.bias)] {
      #expect(!a.isEmpty)
      expectClose(actual: a, expected: b.map(Double.init), relativeL2: 1e-6)
    }
    let expected = matmul(Self.path, linear(x, weight: network.conv1.weight.tensor)) + bias.tensor
    expectClose(actual: dense.y, expected: expected.scalars.map(Double.init), relativeL2: 1e-6)
    #expect(network.conv2(network.conv1(x, adjacency: Self.path), adjacency: Self.path).shape == [3, 2])
  }

  @Test func outputsAreObserved() {
    let network = Self.filled()
    let x = Self.features()
    let (y, outputs) = observing(["conv1"], of: network) { network.conv1(x, adjacency: Self.path) }
    #expect(outputs["conv1"]?.scalars == y.scalars)
  }

  @Test func aFrozenDropoutDropsNothing() throws {
    let network = Self.filled()
    let x = NodeFeatures.sparse(SparseMatrix(Tensor(ones: [20, 20])))
    func values() -> [Float] {
      guard case .sparse(let y) = withMode(.training, { network.drop(x) }) else { return [] }
      return y.values
    }
    #expect(values().contains(0) && values().contains(2))
    try network.freeze(["drop"])
    #expect(values().allSatisfy { $0 == 1 })
  }

  @Test func readouts() {
    let x = Tensor([1, 2, 3, -4, 5, 6, 7, 9], shape: [4, 2])
    let index = GraphIndex([1, 0, 1, 1], count: 3)
    #expect(GraphReadout.sum(x, index).scalars == [3, -4, 13, 17, 0, 0])
    #expect(GraphReadout.max(x, index).scalars == [3, -4, 7, 9, 0, 0])
    let mean = GraphReadout.mean(x, index)
    expectClose(actual: mean.scalars, expected: [3, -4, 13.0 / 3, 17.0 / 3, 0, 0])
    #expect(GraphReadout.sum(x, GraphIndex(nodes: 4)).scalars == [16, 13])
  }

  @Test func aMistakeNamesThePathAndTheShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = GraphConvolutionTests.filled().conv2(GraphConvolutionTests.features(), adjacency: GraphConvolutionTests.path)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text.contains(
        "conv2: GraphConvolution: features [3, 5] and adjacency [3, 3] do not go with weight [2, 3]"), "\(text)")
  }
}
