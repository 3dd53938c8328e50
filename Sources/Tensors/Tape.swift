import AviaryKernels

/// The position of a tensor on a tape.
struct TapePosition: Sendable, Hashable {
  /// The number of the tape: addresses are used again, and tensors outlive their tapes.
  let tape: UInt64
  let index: Int
}

/// What a pullback keeps of an operand whose elements it does not need, so that their memory can be reused.
struct Operand {
  let shape: [Int]
  fileprivate let node: TapePosition?
}

extension Tensor {
  var operand: Operand { Operand(shape: shape, node: node) }
}

/// Adds, given the gradient of an operation's result, to the gradients of its operands.
typealias Pullback = (_ gradient: Tensor, _ cotangents: inout Cotangents) -> Void

/// The record of one pass. It belongs to the closure that is being differentiated.
final class Tape {
  /// What has been recorded: an operation and how gradients flow back through it, or, without both, a leaf.
  struct Node {
    fileprivate(set) var operation: OperationDescription?
    fileprivate(set) var pullback: Pullback?
    /// Where the operands of this node end in `operands`; they begin where those of the node before end.
    fileprivate let operandEnd: Int
  }

  private static let last = Confined<UInt64>(0)
  /// How many nodes the last tape had: the next is likely to have as many.
  private static let usual = Confined((nodes: 0, operands: 0))
  /// Unique in the program.
  private let number: UInt64
  private(set) var nodes: [Node] = []
  /// The operands of all nodes: places in `nodes`, or −1 for what no gradient flows to.
  private var operands: [Int32] = []
  /// During a profile: the layer that each node was recorded in.
  private var labels: [Int: Profile.Label] = [:]
  private var leaves: [ObjectIdentifier: Tensor] = [:]
  private let variables: Set<ObjectIdentifier>
  private let rule: GradientRule?
  /// Is told of the gradient of each variable as soon as it is final.
  private let gradientIsFinal: ((Variable, Tensor) -> Void)?
  /// The variables of the leaves, where somebody is told; by their places in `nodes`.
  private var variablesOfLeaves: [Int: Variable] = [:]
  private var watched: Set<Int> = []
  private var rectified: Set<Int> = []

  init(
    of variables: some Sequence<Variable>, rule: GradientRule? = nil,
    gradientIsFinal: ((Variable, Tensor) -> Void)? = nil
  ) {
    self.gradientIsFinal = gradientIsFinal
    self.variables = Set(variables.map(ObjectIdentifier.init))
    self.rule = rule
    Self.last.onComputeThread += 1
    number = Self.last.onComputeThread
    nodes.reserveCapacity(Self.usual.onComputeThread.nodes)
    operands.reserveCapacity(Self.usual.onComputeThread.operands)
  }

  func knows(_ x: Tensor) -> Bool { x.node?.tape == number }
  fileprivate func knows(_ x: Operand) -> Bool { x.node?.tape == number }

  private func add(_ operation: OperationDescription?, _ pullback: Pullback?) -> TapePosition {
    nodes.append(Node(operation: operation, pullback: pullback, operandEnd: operands.count))
    if Profile.isOn {
      var label = Profile.label
      label.isBackward = true
      label.operation = operation?.name ?? ""
      labels[nodes.count - 1] = label
    }
    return TapePosition(tape: number, index: nodes.count - 1)
  }

  /// The operands of a node: places of nodes, or nil for what no gradient flows to.
  func operands(of index: Int) -> [Int?] {
    let start = index == 0 ? 0 : nodes[index - 1].operandEnd
    return operands[start..<nodes[index].operandEnd].map { $0 < 0 ? nil : Int($0) }
  }

  /// The value of a variable as this tape knows it.
  func leaf(_ variable: Variable) -> Tensor {
    guard variables.contains(ObjectIdentifier(variable)) else { return variable.value }
    if let leaf = leaves[ObjectIdentifier(variable)] { return leaf }
    let leaf = Tensor(shape: variable.value.shape, content: variable.value.content, node: add(nil, nil))
    leaves[ObjectIdentifier(variable)] = leaf
    if gradientIsFinal != nil { variablesOfLeaves[leaf.node!.index] = variable }
    return leaf
  }

  /// A tensor as this tape knows it, whose gradient is kept.
  func watching(_ x: Tensor) -> Tensor {
    let known = knows(x) ? x : Tensor(shape: x.shape, content: x.content, node: add(nil, nil))
    watched.insert(known.node!.index)
    return known
  }

  /// Notes that a tensor, if the tape knows it, is the result of a relu that the tape has recorded.
  func noteRectified(_ x: Tensor) {
    if let node = x.node, node.tape == number { rectified.insert(node.index) }
  }

  /// Whether somebody sees, or changes, what gradient comes to this position.
  func observes(_ position: TapePosition) -> Bool {
    position.tape != number || rule != nil || watched.contains(position.index)
  }

  fileprivate func isHiddenRelu(_ position: TapePosition) -> Bool {
    position.tape == number && rectified.contains(position.index) && !watched.contains(position.index)
  }

  func record(
    _ y: Tensor, _ operation: OperationDescription, _ operands: [Tensor?], _ pullback: @escaping Pullback
  ) -> Tensor {
    for operand in operands {
      self.operands.append(operand?.node.map { $0.tape == number ? Int32($0.index) : -1 } ?? -1)
    }
    let pullback = rule.map { $0.changed(pullback, of: operation) } ?? pullback
    return Tensor(shape: y.shape, content: y.content, node: add(operation, pullback))
  }

  /// The gradients of a scalar, by variable and by watched tensor. The record is consumed from its end,
  /// so that memory is free as soon as the pass no longer needs it.
  func gradients(of loss: Tensor) -> (variables: [ObjectIdentifier: Tensor], watched: [TapePosition: Tensor]) {
    var cotangents = Cotangents(tape: self, count: nodes.count)
    Compute.alone { Self.usual.onComputeThread = (nodes.count, operands.count) }
    var kept: [TapePosition: Tensor] = [:]
    cotangents.add(Tensor(ones: loss.shape), to: loss)
    let keptAtLeaves = Set(leaves.values.map { $0.node!.index })
    while let last = nodes.popLast() {
      let index = nodes.count
      guard let gradient = cotangents.values[index] else { continue }
      if watched.contains(index) { kept[TapePosition(tape: number, index: index)] = gradient }
      if keptAtLeaves.contains(index) {
        // A leaf is recorded before its first use, so that all of them have been gone back through by now.
        if let gradientIsFinal, let variable = variablesOfLeaves[index] {
          gradientIsFinal(variable, gradient.detached())
        }
        continue
      }
      cotangents.values[index] = nil
      guard let pullback = last.pullback else { continue }
      Compute.alone {
        if Profile.isOn, let label = labels[index] {
          Profile.labelled(label) { pullback(gradient, &cotangents) }
        } else {
          pullback(gradient, &cotangents)
        }
      }
    }
    let found = leaves.compactMapValues { cotangents.values[$0.node!.index]?.detached() }
    return (found, kept)
  }
}

/// The gradients accumulated so far in a backward pass.
struct Cotangents {
  private let tape: Tape
  fileprivate var values: [Tensor?]

  fileprivate init(tape: Tape, count: Int) {
    self.tape = tape
    values = Array(repeating: nil, count: count)
  }

  /// Whether the gradient with respect to `x` is wanted.
  func wants(_ x: Tensor) -> Bool { tape.knows(x) }
  func wants(_ x: Operand) -> Bool { tape.knows(x) }

  /// Whether `x` is the result of a relu whose gradient is not observed.
  func isHiddenRelu(_ x: Operand) -> Bool { x.node.map(tape.isHiddenRelu) ?? false }

  /// Adds to the gradient with respect to `x`, where it is wanted.
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

  /// Adds the gradient of a part of `x`, of the positions from `start` on along an axis: to memory that the first part takes
  /// for all, so that an array cut into pieces costs no more than itself.
  mutating func add(part: Tensor, at start: Int, axis: Int, to x: Operand) {
    guard let node = x.node, tape.knows(x) else { return }
    var whole: Buffer
    if let present = values[node.index] {
      values[node.index] = nil
      whole = present.plainBuffer
    } else {
      whole = .zeros(.plain(x.shape))
    }
    if !whole.isHeldAlone() { whole = whole.copied() }
    whole.add(part.plainBuffer, axis: axis, start: start, shape: part.shape, of: x.shape)
    values[node.index] = Tensor(whole, shape: x.shape)
  }
}

/// Records `y` as the result of an operation: on the current tape, if there is one and it knows any of the operands, and in
/// the current trace. The pullback runs later, without a tape, on the compute thread.
///
/// - Parameters:
///   - description: the operation, made only where something records.
///   - operands: in the order of the function's parameters; nil where an optional one is absent.
func recorded(
  _ y: Tensor, as description: @autoclosure () -> OperationDescription, from operands: Tensor?...,
  pullback: @escaping Pullback
) -> Tensor {
  recorded(y, as: description(), fromAll: operands, pullback: pullback)
}

/// The same for an operator that does not describe itself further: it goes by the name of its function, and what a trace
/// says of it does not suffice to compute it again.
func recorded(
  _ y: Tensor, from operands: Tensor?..., function: String = #function, pullback: @escaping Pullback
) -> Tensor {
  recorded(
    y, as: OperationDescription(String(function.prefix { $0 != "(" }), .undescribed), fromAll: operands,
    pullback: pullback)
}

func recorded(
  _ y: Tensor, as description: @autoclosure () -> OperationDescription, fromAll operands: [Tensor?],
  pullback: @escaping Pullback
) -> Tensor {
  let tape = Pass.current.onComputeThread.tape
  let isKnown = tape.map { tape in operands.contains { $0.map(tape.knows) ?? false } } ?? false
  let isTraced = Pass.current.onComputeThread.trace != nil
  guard isKnown || isTraced || Profile.isOn else { return y }
  let description = description()
  if Profile.isOn { Profile.name(description.name) }
  let known = isKnown ? tape!.record(y, description, operands, pullback) : y
  if isTraced { Pass.current.onComputeThread.trace?.note(description, operands, [known]) }
  return known
}

extension Tensor {
  /// Whether the current tape knows the tensor, so that a gradient will be asked for.
  var isTracked: Bool {
    Pass.current.onComputeThread.tape?.knows(self) ?? false
  }
}
