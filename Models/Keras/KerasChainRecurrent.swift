// Recurrent layers of Keras chains: the usual functions go the quick way, others step by step.

import AviaryLayers
import AviaryTensors

/// A recurrent layer in one or both directions: [N, I, T] → [N, H, T], or [N, H] where only the end is wanted.
struct ChainRecurrentLayer: UnaryLayer {
  /// `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, and with `_reverse` those of the other direction; rows
  /// are PyTorch's gates in PyTorch's order.
  let weights: [NamedParameter]
  private let settings: Settings

  struct Settings: LayerConfiguration {
    let cell: ChainRecurrent
    /// Nil for one direction.
    let merge: ChainOperation.Merge?
  }

  init(_ inputs: Int, _ cell: ChainRecurrent, merge: ChainOperation.Merge?) {
    settings = Settings(cell: cell, merge: merge)
    let rows = cell.gateCount * cell.units
    var entries: [NamedParameter] = []
    for suffix in merge == nil ? ["_l0"] : ["_l0", "_l0_reverse"] {
      entries.append(("weight_ih\(suffix)", Parameter(shape: [rows, inputs], initializer: .xavierUniform)))
      entries.append(("weight_hh\(suffix)", Parameter(shape: [rows, cell.units], initializer: .xavierUniform)))
      guard cell.bias else { continue }
      entries.append(("bias_ih\(suffix)", Parameter(shape: [rows], initializer: .zeros)))
      entries.append(("bias_hh\(suffix)", Parameter(shape: [rows], initializer: .zeros)))
    }
    weights = entries
  }

  var children: [Child] { weights.map { Child($0.name, $0.parameter) } }

  func forward(_ x: Tensor) -> Tensor {
    let cell = settings.cell
    let steps = x.transposed([2, 0, 1])
    let own = direction(steps, place: 0, reversed: cell.goesBackwards)
    guard let merge = settings.merge else {
      // Backwards, Keras gives the steps in the order in which it took them.
      return cell.goesBackwards && cell.returnsSequences ? own.reversed(axis: 2) : own
    }
    let other = direction(steps, place: 1, reversed: !cell.goesBackwards)
    switch merge {
    case .concatenate: return concatenated([own, other], axis: 1)
    case .sum: return own + other
    case .multiply: return own * other
    case .average: return (own + other) * 0.5
    }
  }

  /// The states of one direction at the steps that they belong to, [N, H, T], or at the end, [N, H].
  private func direction(_ x: Tensor, place: Int, reversed: Bool) -> Tensor {
    let cell = settings.cell
    let first = place * (cell.bias ? 4 : 2)
    func tensor(_ offset: Int) -> Tensor { weights[first + offset].parameter.tensor }
    let own = RecurrentWeights(
      input: tensor(0), recurrent: tensor(1), inputBias: cell.bias ? tensor(2) : nil,
      recurrentBias: cell.bias ? tensor(3) : nil)
    let outputs: (y: Tensor, hidden: Tensor)
    if let kind = cell.kernel {
      let result = recurrent(x, kind: kind, weights: own, reversed: reversed)
      outputs = (result.y, result.hidden)
    } else {
      outputs = cell.stepped(x, own, reversed: reversed)
    }
    return cell.returnsSequences ? outputs.y.transposed([1, 2, 0]) : outputs.hidden
  }
}

extension ChainRecurrent {
  /// The kind that computes the same as a whole, where there is one.
  fileprivate var kernel: RecurrentKind? {
    switch (kind, activation, gates) {
    case (.simple, .tanh, _): .rnnTanh
    case (.simple, .relu, _): .rnnRelu
    case (.lstm, .tanh, .sigmoid): .lstm
    case (.gru, .tanh, .sigmoid) where resetsAfter: .gru
    default: nil
    }
  }

  /// Step by step: [T, N, I] → [T, N, H], and the states at the end.
  fileprivate func stepped(_ x: Tensor, _ weights: RecurrentWeights, reversed: Bool) -> (y: Tensor, hidden: Tensor) {
    let (steps, rows) = (x.shape[0], x.shape[1])
    // The inputs' share of all steps at once.
    let inputs = linear(x, weight: weights.input, bias: weights.inputBias)
    var hidden = Tensor(zeros: [rows, units])
    var cell = Tensor(zeros: [rows, units])
    var outputs: [Tensor] = []
    for index in 0..<steps {
      let input = inputs.slice(axis: 0, at: reversed ? steps - 1 - index : index)
      (hidden, cell) = step(input, hidden, cell, weights)
      outputs.append(hidden)
    }
    if !returnsSequences { return (hidden, hidden) }
    return (stacked(reversed ? outputs.reversed() : outputs, axis: 0), hidden)
  }

  private func step(
    _ input: Tensor, _ hidden: Tensor, _ cell: Tensor, _ weights: RecurrentWeights
  ) -> (hidden: Tensor, cell: Tensor) {
    func gate(_ tensor: Tensor, _ index: Int) -> Tensor {
      tensor.slice(axis: 1, from: index * units, to: (index + 1) * units)
    }
    if kind == .gru, !resetsAfter { return (resettingBefore(input, hidden, weights), cell) }
    let product = linear(hidden, weight: weights.recurrent, bias: weights.recurrentBias)
    switch kind {
    case .simple: return (activation(input + product), cell)
    case .lstm:
      let sums = input + product
      let kept = gates(gate(sums, 1)) * cell
      let next = kept + gates(gate(sums, 0)) * activation(gate(sums, 2))
      return (gates(gate(sums, 3)) * activation(next), next)
    case .gru:
      let reset = gates(gate(input, 0) + gate(product, 0))
      let update = gates(gate(input, 1) + gate(product, 1))
      let candidate = activation(gate(input, 2) + reset * gate(product, 2))
      return (update * hidden + (1 - update) * candidate, cell)
    }
  }

  /// A GRU as it was first published (Cho et al., 2014): the reset gate works on the state before the product.
  private func resettingBefore(_ input: Tensor, _ hidden: Tensor, _ weights: RecurrentWeights) -> Tensor {
    let own = weights.recurrent.split(sizes: [2 * units, units], axis: 0)
    let biases = weights.recurrentBias?.split(sizes: [2 * units, units], axis: 0)
    let sums = input.slice(axis: 1, from: 0, to: 2 * units) + linear(hidden, weight: own[0], bias: biases?[0])
    let reset = gates(sums.slice(axis: 1, from: 0, to: units))
    let update = gates(sums.slice(axis: 1, from: units, to: 2 * units))
    let candidate = activation(
      input.slice(axis: 1, from: 2 * units, to: 3 * units) + linear(reset * hidden, weight: own[1], bias: biases?[1]))
    return update * hidden + (1 - update) * candidate
  }
}
