import AviaryKernels
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

/// A trace says everything that is needed to compute it again: an interpreter that knows nothing but the trace comes to
/// the same results as the network.
@Suite struct TraceReplayTests {
  @Test(arguments: ZooCase.families) func inference(_ entry: ZooCase) throws {
    try check(entry) { body in AviaryTensors.inference { body() } }
  }

  /// Batch statistics and everything else of training but dropout, whose elements another stream of random numbers drops.
  @Test(arguments: ZooCase.families) func training(_ entry: ZooCase) throws {
    try check(entry) { body in withMode(.training, noise: Noise(seed: 1, step: 1), dropping: false) { body() } }
  }

  private func check(_ entry: ZooCase, _ scope: (() -> Tensor) -> Tensor) throws {
    func run(_ model: some Classifier) throws {
      let x = entry.images(6)
      let plain = model.copy()
      let (y, trace) = tracing(x) { scope { model(x) } }
      #expect(y.scalars == scope { plain(x) }.scalars, "a trace changes nothing")
      // The mask of shifted windows follows from the size of the image.
      try verify(trace, of: model, allowingConstants: model is SwinTransformer)
      let replayed = scope { try! Interpreter(trace: trace).run([x])[trace.place(of: y)!]! }
      expectClose(actual: replayed.scalars, expected: y.scalars.map(Double.init), name: entry.name)
    }
    try run(try entry.model())
  }

  /// Every operation is described, every operand known, and every parameter that took part goes by its path.
  private func verify(_ trace: Trace, of model: some Network, allowingConstants: Bool) throws {
    #expect(!trace.nodes.isEmpty)
    for (number, node) in trace.nodes.enumerated() {
      #expect(node.operation.isComplete, "\(node.operation.name)")
      for case let operand? in node.operands {
        if case .node(let earlier) = trace.values[operand].source { #expect(earlier < number) }
        if trace.values[operand].source == .constant { #expect(trace.values[operand].tensor != nil) }
      }
      #expect(node.results.allSatisfy { trace.values[$0].source == .node(number) })
    }
    let paths = trace.values.compactMap { value -> String? in
      if case .parameter(let path) = value.source { path } else { nil }
    }
    // What only learns, such as GoogLeNet's aux1 with its head aux1.fc2, takes no part.
    let auxiliary = model.auxiliaryHeadPaths.compactMap { $0.split(separator: ".").first }
    let expected = model.parameters.map(\.path).filter { path in !auxiliary.contains { path.hasPrefix($0 + ".") } }
    #expect(Set(paths) == Set(expected) && Set(paths).count == paths.count)
    #expect(allowingConstants || trace.values.filter { $0.source == .constant }.isEmpty, "\(trace)")
  }

  @Test func nodesGoByTheirLayers() throws {
    let model = ResNet(.toy)
    model.initialize(seed: 1)
    let x = Tensor(zeros: [1, 3, 64, 64])
    let (_, trace) = tracing(x) { model(x) }
    let first = trace.nodes.prefix(4)
    #expect(first.map(\.operation.name) == ["convolution", "batchNormalization", "relu", "maxPool"])
    #expect(first[0].path == "conv1" && first[1].path == "bn1")
    #expect(trace.nodes.last?.path == "fc")
  }

  @Test func recurrentNetworks() throws {
    let model = CharacterModel(.toy)
    model.initialize(seed: 1)
    let tokens = IntTensor((0..<40).map { Int32($0 % 5) }, shape: [5, 8])
    let (y, trace) = tracing { model(tokens: tokens).logits }
    #expect(trace.nodes.allSatisfy { $0.operation.isComplete })
    let replayed = try Interpreter(trace: trace).run([])[trace.place(of: y)!]!
    expectClose(actual: replayed.scalars, expected: y.scalars.map(Double.init))
  }

  @Test func graphNetworks() throws {
    let edges = [(0, 1), (1, 2), (2, 3), (3, 0), (1, 3)].flatMap { [($0.0, $0.1), ($0.1, $0.0)] }
    let graph = SparseMatrix(rows: 4, columns: 4, edges.map { .init($0.0, $0.1, 0.5) })
    var numbers = TestNumbers(seed: 1)
    let x = Tensor(numbers.floats(4 * 3), shape: [4, 3])
    let weight = Tensor(numbers.floats(2 * 3), shape: [2, 3])
    let features = SparseMatrix(relu(x))
    let (y, trace) = tracing(x) {
      relu(matmul(graph, linear(x, weight: weight))) + linear(features, weight: weight)
    }
    let replayed = try Interpreter(trace: trace).run([x])[trace.place(of: y)!]!
    #expect(replayed.scalars == y.scalars)
  }
}

/// Computes a trace again, from its nodes and what they name alone.
private struct Interpreter {
  let trace: Trace

  struct Unknown: Error {
    let operation: OperationDescription
  }

  /// The values of all nodes' operands and results.
  func run(_ inputs: [Tensor]) throws -> [Int: Tensor] {
    var known: [Int: Tensor] = [:]
    for (place, value) in trace.values.enumerated() {
      switch value.source {
      case .input(let number): known[place] = inputs[number]
      case .node: break
      default: known[place] = value.tensor
      }
    }
    for node in trace.nodes {
      let operands = node.operands.map { $0.map { known[$0]! } }
      let results = try compute(node.operation, operands)
      for (place, result) in zip(node.results, results) {
        #expect(result.shape == trace.values[place].shape, "\(node.operation)")
        known[place] = result
      }
    }
    return known
  }

  private func compute(_ operation: OperationDescription, _ x: [Tensor?]) throws -> [Tensor] {
    func integers(_ name: String) -> [Int] { operation[name]!.integers! }
    func integer(_ name: String) -> Int { operation[name]!.integer! }
    func number(_ name: String) -> Float { operation[name]!.number! }
    func flag(_ name: String) -> Bool { operation[name]!.flag! }
    var rounding: PoolRounding { PoolRounding(rawValue: operation["rounding"]!.text!)! }
    switch operation.name {
    case "convolution":
      return [
        convolution(
          x[0]!, weight: x[1]!, bias: x[2], stride: integers("stride"), padding: integers("padding"),
          endPadding: integers("endPadding"), dilation: integers("dilation"), groups: integer("groups"))
      ]
    case "batchNormalization" where flag("training"):
      return [batchNormalization(x[0]!, scale: x[1]!, shift: x[2]!, epsilon: number("epsilon"))]
    case "batchNormalization":
      return [
        batchNormalization(
          x[0]!, mean: x[1]!, variance: x[2]!, scale: x[3]!, shift: x[4]!, epsilon: number("epsilon"))
      ]
    case "linear": return [linear(x[0]!, weight: x[1]!, bias: x[2])]
    case "matmul": return [matmul(x[0]!, x[1]!)]
    case "clamped": return [x[0]!.clamped(to: number("low")...number("high"))]
    case "hardTanh": return [hardTanh(x[0]!, from: number("low"), to: number("high"))]
    case "relu": return [relu(x[0]!)]
    case "sigmoid": return [sigmoid(x[0]!)]
    case "tanh": return [tanh(x[0]!)]
    case "silu": return [silu(x[0]!)]
    case "hardSwish": return [hardSwish(x[0]!)]
    case "hardSigmoid": return [hardSigmoid(x[0]!, slope: number("slope"))]
    case "softmax": return [softmax(x[0]!, axis: integer("axis"))]
    case "logSoftmax": return [logSoftmax(x[0]!, axis: integer("axis"))]
    case "leakyRelu": return [leakyRelu(x[0]!, slope: number("slope"))]
    case "add": return [x[0]! + x[1]!]
    case "subtract": return [x[0]! - x[1]!]
    case "multiply": return [x[0]! * x[1]!]
    case "divide": return [x[0]! / x[1]!]
    case "affine": return [x[0]! * number("scale") + number("shift")]
    case "maxPool":
      return [
        maxPool(
          x[0]!, kernel: integers("kernel"), stride: integers("stride"), padding: integers("padding"),
          endPadding: integers("endPadding"), dilation: integers("dilation"), rounding: rounding)
      ]
    case "averagePool":
      return [
        averagePool(
          x[0]!, kernel: integers("kernel"), stride: integers("stride"), padding: integers("padding"),
          endPadding: integers("endPadding"), rounding: rounding, countingPadding: flag("countingPadding"))
      ]
    case "adaptiveAveragePool": return [adaptiveAveragePool(x[0]!, output: integers("output"))]
    case "adaptiveMaxPool": return [adaptiveMaxPool(x[0]!, output: integers("output"))]
    case "localResponseNormalization":
      return [
        localResponseNormalization(
          x[0]!, size: integer("size"), alpha: number("alpha"), beta: number("beta"), k: number("k"))
      ]
    case "sum": return [x[0]!.sum(over: integers("axes"), keepingAxes: flag("keepingAxes"))]
    case "mean": return [x[0]!.mean(over: integers("axes"), keepingAxes: flag("keepingAxes"))]
    case "reshaped": return [x[0]!.reshaped(to: integers("to"))]
    case "transposed": return [x[0]!.transposed(integers("order"))]
    case "concatenated": return [concatenated(x.map { $0! }, axis: integer("axis"))]
    case "stacked": return [stacked(x.map { $0! }, axis: integer("axis"))]
    case "interleaved": return [interleaved(x.map { $0! })]
    case "slice": return [x[0]!.slice(axis: integer("axis"), from: integer("from"), to: integer("to"))]
    case "padded": return [x[0]!.padded(axis: integer("axis"), before: integer("before"), after: integer("after"))]
    case "element":
      return [x[0]!.slice(axis: 0, at: integer("at"))]
    case "embedding": return [embedding(operation["indices"]!.indices!, weight: x[0]!)]
    case "expanded": return [x[0]!.expanded(to: integers("to"))]
    case "gelu": return [gelu(x[0]!, approximation: operation["approximation"]!.text == "tanh" ? .tanh : .none)]
    case "exp": return [exp(x[0]!)]
    case "norm": return [x[0]!.norm(2, over: integers("axes"), keepingAxes: flag("keepingAxes"))]
    case "layerNormalization":
      return [
        layerNormalization(
          x[0]!, over: integers("shape"), scale: x[1], shift: x[2], epsilon: number("epsilon"))
      ]
    case "scaledDotProductAttention":
      return [
        scaledDotProductAttention(
          x[0]!, x[1]!, x[2]!, mask: x[3], causal: flag("causal"), scale: number("scale"))
      ]
    case "sparseMatmul": return [matmul(sparse(operation, x[0]!), x[1]!)]
    case "sparseLinear": return [linear(sparse(operation, x[0]!), weight: x[1]!)]
    case let name where RecurrentKind(rawValue: name) != nil:
      let weights = RecurrentWeights(input: x[1]!, recurrent: x[2]!, inputBias: x[3], recurrentBias: x[4])
      let result = recurrent(
        x[0]!, kind: RecurrentKind(rawValue: name)!, weights: weights, hidden: x[5], cell: x[6],
        lengths: operation["lengths"]?.indices?.scalars.map(Int.init), reversed: flag("reversed"))
      return [result.y, result.hidden] + (result.cell.map { [$0] } ?? [])
    default: throw Unknown(operation: operation)
    }
  }

  private func sparse(_ operation: OperationDescription, _ elements: Tensor) -> SparseMatrix {
    SparseMatrix(
      rows: operation["rows"]!.integer!, columns: operation["columns"]!.integer!,
      rowOffsets: operation["rowOffsets"]!.integers!, columnIndices: operation["columnIndices"]!.indices!.scalars,
      values: elements.scalars)
  }
}
