import AviaryKernels

/// Where a tape knows a tensor.
struct TapePosition: Sendable, Hashable {
  /// The number of the tape: addresses are used again, and tensors outlive their tapes.
  let tape: UInt64
  let index: Int
}

/// What a pullback keeps of an operand whose elements it has no need of, so that their memory serves again.
struct Operand {
  let shape: [Int]
  fileprivate let node: TapePosition?
}

extension Tensor {
  var operand: Operand { Operand(shape: shape, node: node) }
}

/// What an operation does with the gradient of its result: adds to those of its operands.
typealias Pullback = (_ gradient: Tensor, _ cotangents: inout Cotangents) -> Void

/// The record of one pass. It belongs to the closure that is being differentiated.
final class Tape {
  private static let last = Confined<UInt64>(0)
  /// No other tape of the program has the same.
  private let number: UInt64
  private var pullbacks: [Pullback?] = []
  /// While somebody watches: for whom each was recorded.
  private var labels: [Int: Profile.Label] = [:]
  private var leaves: [ObjectIdentifier: Tensor] = [:]
  private let variables: Set<ObjectIdentifier>
  private var watched: Set<Int> = []
  private var rectified: Set<Int> = []

  init(of variables: some Sequence<Variable>) {
    self.variables = Set(variables.map(ObjectIdentifier.init))
    Self.last.onComputeThread += 1
    number = Self.last.onComputeThread
  }

  func knows(_ x: Tensor) -> Bool { x.node?.tape == number }
  fileprivate func knows(_ x: Operand) -> Bool { x.node?.tape == number }

  private func add(_ pullback: Pullback?) -> TapePosition {
    pullbacks.append(pullback)
    if Profile.isOn {
      var label = Profile.label
      label.isBackward = true
      labels[pullbacks.count - 1] = label
    }
    return TapePosition(tape: number, index: pullbacks.count - 1)
  }

  /// The value of a variable as this tape knows it.
  func leaf(_ variable: Variable) -> Tensor {
    guard variables.contains(ObjectIdentifier(variable)) else { return variable.value }
    if let leaf = leaves[ObjectIdentifier(variable)] { return leaf }
    let leaf = Tensor(shape: variable.value.shape, content: variable.value.content, node: add(nil))
    leaves[ObjectIdentifier(variable)] = leaf
    return leaf
  }

  /// A tensor as this tape knows it, whose gradient is kept.
  func watching(_ x: Tensor) -> Tensor {
    let known = knows(x) ? x : Tensor(shape: x.shape, content: x.content, node: add(nil))
    watched.insert(known.node!.index)
    return known
  }

  /// Notes that a tensor, if the tape knows it, is the result of a relu that the tape has recorded.
  func noteRectified(_ x: Tensor) {
    if let node = x.node, node.tape == number { rectified.insert(node.index) }
  }

  fileprivate func isHiddenRelu(_ position: TapePosition) -> Bool {
    position.tape == number && rectified.contains(position.index) && !watched.contains(position.index)
  }

  func record(_ y: Tensor, _ pullback: @escaping Pullback) -> Tensor {
    Tensor(shape: y.shape, content: y.content, node: add(pullback))
  }

  /// The gradients of a scalar, by variable and by watched tensor. The record is used up, from the end to the beginning,
  /// so that memory is free as soon as the pass is through with it.
  func gradients(of loss: Tensor) -> (variables: [ObjectIdentifier: Tensor], watched: [TapePosition: Tensor]) {
    var cotangents = Cotangents(tape: self, count: pullbacks.count)
    var kept: [TapePosition: Tensor] = [:]
    cotangents.add(Tensor(ones: loss.shape), to: loss)
    let keptAtLeaves = Set(leaves.values.map { $0.node!.index })
    while let last = pullbacks.popLast() {
      let index = pullbacks.count
      guard let gradient = cotangents.values[index] else { continue }
      if watched.contains(index) { kept[TapePosition(tape: number, index: index)] = gradient }
      if keptAtLeaves.contains(index) { continue }
      cotangents.values[index] = nil
      guard let last else { continue }
      if Profile.isOn, let label = labels[index] {
        Profile.labelled(label) { last(gradient, &cotangents) }
      } else {
        last(gradient, &cotangents)
      }
    }
    let found = leaves.compactMapValues { cotangents.values[$0.node!.index]?.detached() }
    return (found, kept)
  }
}

/// The gradients of a backward pass under way.
struct Cotangents {
  private let tape: Tape
  fileprivate var values: [Tensor?]

  fileprivate init(tape: Tape, count: Int) {
    self.tape = tape
    values = Array(repeating: nil, count: count)
  }

  /// Whether anybody asks for the gradient with respect to `x`.
  func wants(_ x: Tensor) -> Bool { tape.knows(x) }
  func wants(_ x: Operand) -> Bool { tape.knows(x) }

  /// Whether `x` is the result of a relu, and nobody is to be shown the gradient with respect to it.
  func isHiddenRelu(_ x: Operand) -> Bool { x.node.map(tape.isHiddenRelu) ?? false }

  /// Adds to the gradient with respect to `x`, where somebody asks for it.
  mutating func add(_ gradient: @autoclosure () -> Tensor, to x: Tensor) { add(gradient(), to: x.operand) }

  mutating func add(_ gradient: @autoclosure () -> Tensor, to x: Operand) {
    guard let node = x.node, tape.knows(x) else { return }
    let gradient = gradient()
    if let present = values[node.index] {
      values[node.index] = Tensor(Tensor.sum(present, gradient, relu: false), shape: x.shape)
    } else {
      values[node.index] = gradient
    }
  }
}

/// Records `y` on the current tape, if there is one and it knows any of the operands. The pullback runs later, without a
/// tape, on the compute thread.
func recorded(_ y: Tensor, from operands: Tensor?..., pullback: @escaping Pullback) -> Tensor {
  guard let tape = Pass.current.onComputeThread.tape, operands.contains(where: { $0.map(tape.knows) ?? false }) else {
    return y
  }
  return tape.record(y, pullback)
}

extension Tensor {
  /// Whether the current tape knows the tensor, so that a gradient will be asked for.
  var isTracked: Bool {
    Pass.current.onComputeThread.tape?.knows(self) ?? false
  }
}
