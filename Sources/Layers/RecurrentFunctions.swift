import AviaryDiagnostics
import AviaryTensors

/// The functions of a recurrent layer, where they are not PyTorch's. Other ones are computed step by step.
public struct RecurrentFunctions: LayerConfiguration, Equatable {
  /// Of candidates, cells and the states of a plain layer.
  public var activation: Activation
  /// Of gates.
  public var gates: Activation
  /// Of a GRU: whether its reset gate multiplies the product with the state, as in PyTorch, or the state before it (Cho et
  /// al., 2014).
  public var resetsAfter: Bool

  /// The functions; the defaults are the usual ones.
  public init(activation: Activation = .tanh, gates: Activation = .sigmoid, resetsAfter: Bool = true) {
    self.activation = activation
    self.gates = gates
    self.resetsAfter = resetsAfter
  }

  /// The kind of layer that computes the same as a whole; nil where there is none.
  fileprivate func kernel(of kind: RecurrentKind) -> RecurrentKind? {
    switch kind {
    case .rnnTanh, .rnnRelu: activation == .tanh ? .rnnTanh : activation == .relu ? .rnnRelu : nil
    case .lstm: activation == .tanh && gates == .sigmoid ? .lstm : nil
    case .gru: activation == .tanh && gates == .sigmoid && resetsAfter ? .gru : nil
    }
  }
}

extension RecurrentConfiguration {
  /// Whether the layer is computed step by step, which makes operations of every step.
  var isStepByStep: Bool { functions.map { $0.kernel(of: kind) == nil } ?? false }

  /// One layer in one direction: [T, N, I] → [T, N, H], and the states at the end, [N, H].
  func direction(
    _ x: Tensor, _ weights: RecurrentWeights, hidden: Tensor?, cell: Tensor?, lengths: [Int]?, reversed: Bool
  ) -> (y: Tensor, hidden: Tensor, cell: Tensor?) {
    guard let functions, isStepByStep else {
      let kind = functions?.kernel(of: kind) ?? kind
      return recurrent(
        x, kind: kind, weights: weights, hidden: hidden, cell: cell, lengths: lengths, reversed: reversed)
    }
    let steps = RecurrentSteps(kind: kind, functions: functions, hidden: self.hidden, weights: weights)
    return steps(x, hidden: hidden, cell: cell, lengths: lengths, reversed: reversed)
  }
}

/// A recurrent layer in one direction, step by step, with any functions. Rows of weights are PyTorch's gates.
private struct RecurrentSteps {
  let kind: RecurrentKind
  let functions: RecurrentFunctions
  let hidden: Int
  let weights: RecurrentWeights

  func callAsFunction(
    _ x: Tensor, hidden: Tensor?, cell: Tensor?, lengths: [Int]?, reversed: Bool
  ) -> (y: Tensor, hidden: Tensor, cell: Tensor?) {
    let (count, rows) = (x.shape[0], x.shape[1])
    // The inputs' share of all steps at once.
    let inputs = linear(x, weight: weights.input, bias: weights.inputBias)
    var state = (
      hidden: hidden ?? Tensor(zeros: [rows, self.hidden]), cell: cell ?? Tensor(zeros: [rows, self.hidden])
    )
    var outputs: [Tensor] = []
    for index in 0..<count {
      let time = reversed ? count - 1 - index : index
      var next = step(inputs.slice(axis: 0, at: time), state.hidden, state.cell)
      if let lengths, lengths.contains(where: { $0 <= time }) {
        // A sequence that has ended keeps its states and puts out zeros.
        let lasts = Tensor(lengths.map { $0 > time ? 1 : 0 }, shape: [rows, 1])
        outputs.append(next.hidden * lasts)
        next.hidden = next.hidden * lasts + state.hidden * (1 - lasts)
        next.cell = next.cell * lasts + state.cell * (1 - lasts)
      } else {
        outputs.append(next.hidden)
      }
      state = next
    }
    return (stacked(reversed ? outputs.reversed() : outputs, axis: 0), state.hidden, kind == .lstm ? state.cell : nil)
  }

  /// States and cells after one step; layers without cells leave them as they are.
  private func step(_ input: Tensor, _ hidden: Tensor, _ cell: Tensor) -> (hidden: Tensor, cell: Tensor) {
    let (activation, gates) = (functions.activation, functions.gates)
    switch kind {
    case .rnnTanh, .rnnRelu: return (activation(input + product(hidden)), cell)
    case .lstm:
      let sums = split(input + product(hidden))
      let next = gates(sums[1]) * cell + gates(sums[0]) * activation(sums[2])
      return (gates(sums[3]) * activation(next), next)
    case .gru:
      let inputs = split(input)
      let reset: Tensor
      let update: Tensor
      let candidate: Tensor
      if functions.resetsAfter {
        let products = split(product(hidden))
        (reset, update) = (gates(inputs[0] + products[0]), gates(inputs[1] + products[1]))
        candidate = activation(inputs[2] + reset * products[2])
      } else {
        (reset, update) = (gates(inputs[0] + product(hidden, gate: 0)), gates(inputs[1] + product(hidden, gate: 1)))
        candidate = activation(inputs[2] + product(reset * hidden, gate: 2))
      }
      return (update * hidden + (1 - update) * candidate, cell)
    }
  }

  private func split(_ sums: Tensor) -> [Tensor] { sums.split(size: hidden, axis: 1) }

  /// The state's share of all gates, or of one.
  private func product(_ state: Tensor, gate: Int? = nil) -> Tensor {
    func rows(_ tensor: Tensor) -> Tensor {
      gate.map { tensor.slice(axis: 0, from: $0 * hidden, to: ($0 + 1) * hidden) } ?? tensor
    }
    return linear(state, weight: rows(weights.recurrent), bias: weights.recurrentBias.map(rows))
  }
}
