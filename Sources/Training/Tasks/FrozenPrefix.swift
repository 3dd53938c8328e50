import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Where a network can be cut in two: everything up to the end of a layer is frozen, and everything after it depends on
/// nothing before but the layer's output. What comes before need then be computed once for each input.
struct FrozenPrefix: Equatable {
  /// The path of the layer.
  let path: String
  /// The shape of its output for one input: [C, H, W], or [F].
  let shape: [Int]

  /// The last such layer in the order in which the network runs; nil where there is none.
  ///
  /// - Parameters:
  ///   - input: two inputs, of any values.
  ///   - forward: the network in training.
  init?(of model: some Layer, input: Tensor, forward: (Tensor) -> [Tensor]) {
    let gathered = Gathered(model)
    defer { gathered.restore() }
    // In training, so that what is random there is seen.
    var calls: [LayerCall] = []
    let (outputs, trace) = tracing(input) {
      withMode(.training, noise: Noise(seed: 0, step: 0)) { () -> [Tensor] in
        var outputs: [Tensor] = []
        calls = model.layerCalls(keepingOutputs: true) { outputs = forward(input) }
        return outputs
      }
    }
    let course = Course(trace, outputs, frozen: Set(model.frozenCellPaths))
    let counts = calls.reduce(into: [String: Int]()) { $0[$1.path, default: 0] += 1 }
    let found = calls.last { call in
      guard counts[call.path] == 1, !call.path.isEmpty, call.outputShape.count > 1,
        call.outputShape[0] == input.shape[0],
        let output = call.output, let place = trace.place(of: output)
      else { return false }
      return course.canBeCut(at: place)
    }
    guard let found else { return nil }
    path = found.path
    shape = Array(found.outputShape.dropFirst())
  }

  /// How many numbers the output for one input has.
  var width: Int { shape.reduce(1, *) }

  /// The layer's output for inputs [N, …]: [N] and `shape`. What comes after it is computed for the first input only.
  func outputs(of model: some Layer, _ inputs: Tensor, forward: (Tensor) -> Tensor) -> Tensor {
    var found: Tensor?
    inference {
      _ =
        model.replacingOutput(of: path) { output in
          found = output
          return output[0..<1]
        } _: {
          forward(inputs)
        }.scalars
    }
    guard let found else { stopProgram("\(path): the layer was not called") }
    return found.detached()
  }

  /// Runs the network from the layer on.
  ///
  /// - Parameters:
  ///   - outputs: of the layer.
  ///   - stand: an input for what comes before, whose result is not used.
  func resume<Result>(_ model: some Layer, from outputs: Tensor, stand: Tensor, _ forward: (Tensor) -> Result) -> Result
  {
    func kept(_: Tensor) -> Tensor { outputs }
    return model.replacingOutput(of: path, by: kept) { forward(stand) }
  }
}

/// What one pass computed, as far as cutting it goes.
private struct Course {
  private let trace: Trace
  private let outputs: [Int]
  /// The node after which something was used that is not frozen, or drawn at random; later ones cannot be cut off.
  private let firstTrained: Int
  /// The operands of each node.
  private let uses: [[Int]]

  private static let random: Set<String> = ["dropout", "channelDropout", "dropBlock", "stochasticDepth"]
  /// Results that may not be computed yet, so that what follows is computed in one with them.
  private static let deferred: Set<String> = ["convolution", "batchNormalization", "add", "linear"]
  private static let folded: Set<String> = [
    "batchNormalization", "add", "relu", "hardTanh", "silu", "hardSwish", "sigmoid", "affine", "leakyRelu", "gelu",
    "tanh", "elu",
  ]

  init(_ trace: Trace, _ outputs: [Tensor], frozen: Set<String>) {
    self.trace = trace
    self.outputs = outputs.compactMap { trace.place(of: $0) }
    uses = trace.nodes.map { node in node.operands.compactMap { $0 } }
    firstTrained =
      trace.nodes.firstIndex { node in
        Self.random.contains(node.operation.name)
          || node.operands.contains { operand in
            switch operand.map({ trace.values[$0].source }) {
            case .parameter(let path), .buffer(let path): !frozen.contains(path)
            case .input, .constant, .node, nil: false
            }
          }
      } ?? trace.nodes.count
  }

  /// Whether all that is computed after a value depends on nothing before but the value.
  func canBeCut(at place: Int) -> Bool {
    guard case .node(let node) = trace.values[place].source, node < firstTrained else { return false }
    let later = trace.nodes.indices.dropFirst(node + 1)
    func isBefore(_ operand: Int) -> Bool {
      if operand == place { return false }
      switch trace.values[operand].source {
      case .input: return true
      case .node(let source): return source <= node
      case .parameter, .buffer, .constant: return false
      }
    }
    guard later.allSatisfy({ !uses[$0].contains(where: isBefore) }), !outputs.contains(where: isBefore) else {
      return false
    }
    // What is computed in one with what follows has other last digits than by itself.
    let mayBeFolded = Self.deferred.contains(trace.nodes[node].operation.name)
    return !mayBeFolded
      || later.allSatisfy { !uses[$0].contains(place) || !Self.folded.contains(trace.nodes[$0].operation.name) }
  }
}

/// What a pass in training changes in a model beside its parameters.
private struct Gathered {
  private let buffers: [(buffer: Buffer, value: Tensor)]
  private let counters: [(counter: Counter, value: Int64)]

  init(_ model: some Layer) {
    buffers = model.buffers.filter(\.isFilled).map { ($0, $0.tensor) }
    counters = model.inventory.cells.compactMap { $0.cell as? Counter }.map { ($0, $0.value) }
  }

  func restore() {
    for (buffer, value) in buffers { buffer.assign(value) }
    for (counter, value) in counters { counter.value = value }
  }
}

extension Layer {
  /// The paths of all cells that are frozen, as their cells know them.
  fileprivate var frozenCellPaths: [String] {
    inventory.cells.compactMap { $0.cell.isFrozen ? $0.cell.path : nil }
  }
}
