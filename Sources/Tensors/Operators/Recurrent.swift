import AviaryDiagnostics
import AviaryKernels

/// The weights of one recurrent layer in one direction, with G gates: PyTorch's `weight_ih`, `weight_hh`, `bias_ih` and
/// `bias_hh`. Either both biases are present or neither.
public struct RecurrentWeights: Sendable {
  /// [G·H, I]
  public let input: Tensor
  /// [G·H, H]
  public let recurrent: Tensor
  /// [G·H], as is the next.
  public let inputBias: Tensor?
  /// [gates · H]: added to what comes from the state; nil for none.
  public let recurrentBias: Tensor?

  /// The weights of one layer in one direction.
  public init(input: Tensor, recurrent: Tensor, inputBias: Tensor? = nil, recurrentBias: Tensor? = nil) {
    self.input = input
    self.recurrent = recurrent
    self.inputBias = inputBias
    self.recurrentBias = recurrentBias
  }
}

/// One recurrent layer in one direction over whole sequences, by PyTorch's formulas: [T, N, I] → [T, N, H].
///
/// - Parameters:
///   - hidden, cell: the initial states, [N, H]; zeros if nil. Only an LSTM has a cell.
///   - lengths: the length of each of the N sequences, in 1...T; beyond it the result is zero, and the values of `x` do not
///     matter if they are finite. Nil if all have T steps.
///   - reversed: whether each sequence is read from its end.
/// - Returns: the states at all steps, and those after the last step of each sequence, [N, H].
public func recurrent(
  _ x: Tensor, kind: RecurrentKind, weights: RecurrentWeights, hidden: Tensor? = nil, cell: Tensor? = nil,
  lengths: [Int]? = nil, reversed: Bool = false
) -> (y: Tensor, hidden: Tensor, cell: Tensor?) {
  let shape = recurrentShape(x, kind, weights, reversed)
  let stateShape = [shape.rows, shape.hidden]
  for state in [hidden, cell] {
    ensure(
      state.map { $0.shape == stateShape } ?? true,
      "\(kind.rawValue): a state of shape \(state?.shape ?? []) for states of shape \(stateShape)")
  }
  ensure(kind == .lstm || cell == nil, "\(kind.rawValue): only an LSTM has cells")
  let lengths = checked(lengths, shape)
  if shape.rows == 0 {
    func zeros(_ shape: [Int]) -> Tensor {
      emptyResult(shape, from: x, weights.input, weights.recurrent, weights.inputBias, weights.recurrentBias)
    }
    return (zeros([shape.steps, 0, shape.hidden]), zeros(stateShape), kind == .lstm ? zeros(stateShape) : nil)
  }
  return operation {
    let source = RecurrentSource(x)
    let operands = [weights.input, weights.recurrent, weights.inputBias, weights.recurrentBias, x, hidden, cell]
    let isTraining = operands.contains { $0?.isTracked ?? false }
    let result = shape.forward(
      source.input, weights: weights.buffers, hidden: hidden?.plainBuffer, cell: cell?.plainBuffer, lengths: lengths,
      training: isTraining)
    let (lastHidden, lastCell) = (
      Tensor(result.hidden, shape: stateShape), result.cell.map { Tensor($0, shape: stateShape) }
    )
    let states = Tensor(result.y, shape: [shape.steps, shape.rows, shape.hidden])
    func description() -> OperationDescription {
      .init(kind.rawValue, .recurrent(reversed: reversed, lengths: lengths))
    }
    Pass.current.onComputeThread.trace?.note(
      description(),
      [x, weights.input, weights.recurrent, weights.inputBias, weights.recurrentBias, hidden, cell],
      [states, lastHidden] + (lastCell.map { [$0] } ?? []))
    guard let trace = result.trace else { return (states, lastHidden, lastCell) }
    let pass = RecurrentPass(shape: shape, source: source, weights: weights, lengths: lengths, trace: trace)
    return untraced {
      let y = recorded(
        states, as: description(), from: source.operand, weights.input, weights.recurrent, weights.inputBias,
        weights.recurrentBias, hidden, cell
      ) { dy, cotangents in pass.pullback(dy, hidden: hidden, cell: cell, &cotangents) }
      return (
        y, pass.recordedState(lastHidden, of: y) { pass.hiddenGradient = $0 },
        lastCell.map { pass.recordedState($0, of: y) { pass.cellGradient = $0 } }
      )
    }
  }
}

extension RecurrentWeights {
  fileprivate var buffers: RecurrentShape.Weights {
    RecurrentShape.Weights(
      input: input.plainBuffer, recurrent: recurrent.plainBuffer, inputBias: inputBias?.plainBuffer,
      recurrentBias: recurrentBias?.plainBuffer)
  }
}

/// The validated geometry.
private func recurrentShape(
  _ x: Tensor, _ kind: RecurrentKind, _ weights: RecurrentWeights, _ reversed: Bool
) -> RecurrentShape {
  let name = kind.rawValue
  ensure(x.rank == 3 && x.shape[0] > 0 && x.shape[2] > 0, "\(name): an input of \(x.shape) is not [T, N, I]")
  let hidden = weights.recurrent.shape.last ?? 0
  let gates = kind.gates * hidden
  ensure(
    hidden > 0 && weights.recurrent.shape == [gates, hidden] && weights.input.shape == [gates, x.shape[2]],
    "\(name): input \(x.shape) does not go with weights \(weights.input.shape) and \(weights.recurrent.shape)")
  ensure(
    weights.inputBias?.shape == weights.recurrentBias?.shape && weights.inputBias.map { $0.shape == [gates] } ?? true,
    "\(name): biases \(weights.inputBias?.shape ?? []) and \(weights.recurrentBias?.shape ?? []) do not go with \(gates) gates"
  )
  return RecurrentShape(
    kind: kind, steps: x.shape[0], rows: x.shape[1], inputs: x.shape[2], hidden: hidden,
    hasBias: weights.inputBias != nil, reversed: reversed)
}

/// The lengths as kernels take them; nil if every sequence has all steps.
private func checked(_ lengths: [Int]?, _ shape: RecurrentShape) -> [Int32]? {
  guard let lengths else { return nil }
  ensure(
    lengths.count == shape.rows, "\(shape.kind.rawValue): \(lengths.count) lengths for \(shape.rows) sequences")
  ensure(
    lengths.allSatisfy { (1...shape.steps).contains($0) },
    "\(shape.kind.rawValue): lengths \(lengths) are not all within 1...\(shape.steps)")
  return lengths.allSatisfy { $0 == shape.steps } ? nil : lengths.map(Int32.init)
}

/// What a recurrent layer reads.
private struct RecurrentSource {
  /// What the gradient goes to: the sequence, or the table that its steps are rows of.
  let operand: Tensor
  let input: RecurrentShape.Input
  private let table: (looked: LookedUpRows, distinct: [Int32])?

  /// By rows of a table where that at least halves the products.
  init(_ x: Tensor) {
    if let looked = x.rowsOfTable, let (distinct, places) = looked.distinct(atMost: looked.indices.scalars.count / 2) {
      table = (looked, distinct)
      operand = looked.table
      input = .rows(looked.table.plainBuffer.rows(distinct, width: x.shape[2]), places: places)
    } else {
      table = nil
      operand = x
      input = .sequence(x.plainBuffer)
    }
  }

  func add(_ gradient: Buffer, to cotangents: inout Cotangents) {
    if let table { return table.looked.add(gradient, of: table.distinct, to: &cotangents) }
    cotangents.add(Tensor(gradient.reshaped(to: operand.shape), shape: operand.shape), to: operand)
  }
}

/// One pass through a layer, and the gradients that its backward pass has received so far.
private final class RecurrentPass {
  private let shape: RecurrentShape
  private let source: RecurrentSource
  private let weights: RecurrentWeights
  private let lengths: [Int32]?
  private let trace: RecurrentShape.Trace
  /// The gradients of the final states.
  var hiddenGradient: Tensor?
  var cellGradient: Tensor?

  init(
    shape: RecurrentShape, source: RecurrentSource, weights: RecurrentWeights, lengths: [Int32]?,
    trace: RecurrentShape.Trace
  ) {
    self.shape = shape
    self.source = source
    self.weights = weights
    self.lengths = lengths
    self.trace = trace
  }

  /// A final state. Its gradient is kept for the pullback of `y`, which the tape runs later in any case.
  func recordedState(_ state: Tensor, of y: Tensor, keep: @escaping (Tensor) -> Void) -> Tensor {
    recorded(state, as: .init("state"), from: y) { gradient, cotangents in
      keep(gradient)
      cotangents.add(Tensor(.filled(0, shape: y.shape), shape: y.shape), to: y)
    }
  }

  func pullback(_ dy: Tensor, hidden: Tensor?, cell: Tensor?, _ cotangents: inout Cotangents) {
    let wantsInput = cotangents.wants(weights.input) || (weights.inputBias.map(cotangents.wants) ?? false)
    let wantsRecurrent =
      cotangents.wants(weights.recurrent) || (weights.recurrentBias.map(cotangents.wants) ?? false)
    let gradients = shape.backward(
      dy.plainBuffer, hidden: hiddenGradient?.plainBuffer, cell: cellGradient?.plainBuffer, x: source.input,
      weights: weights.buffers, lengths: lengths, trace: trace,
      wanted: .init(x: cotangents.wants(source.operand), input: wantsInput, recurrent: wantsRecurrent))
    if let gradient = gradients.x { source.add(gradient, to: &cotangents) }
    let found: [(Tensor?, Buffer?)] = [
      (weights.input, gradients.input), (weights.recurrent, gradients.recurrent),
      (weights.inputBias, gradients.inputBias), (weights.recurrentBias, gradients.recurrentBias),
      (hidden, gradients.hidden), (cell, gradients.cell),
    ]
    for case (let operand?, let gradient?) in found {
      cotangents.add(Tensor(gradient.reshaped(to: operand.shape), shape: operand.shape), to: operand)
    }
  }
}

extension Tensor {
  /// One element along the first axis: [L, N…] → [N…].
  package func element(at index: Int) -> Tensor {
    ensure(rank >= 1 && shape[0] > index && index >= 0, "element: \(shape) has no element \(index)")
    let (whole, part) = (shape, Array(shape.dropFirst()))
    return operation {
      let y = buffer.slice(axis: 0, start: index, shape: [1] + part, of: whole)
      return recorded(
        Tensor(y.reshaped(to: part), shape: part), as: .init("element", "at", .integer(index)), from: self
      ) { dy, cotangents in
        let dx = dy.plainBuffer.alone(at: index * part.reduce(1, *), in: whole)
        cotangents.add(Tensor(dx, shape: whole), to: self)
      }
    }
  }
}
