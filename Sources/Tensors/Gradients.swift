import AviaryDiagnostics

/// The gradients of one backward pass: a value that can be walked, changed, added, scaled and clipped.
///
/// A gradient belongs to a cell, not to a name: two cells of one path have a gradient each.
public struct Gradients {
  /// What the pass differentiated with respect to, in the order given, perhaps more than once. It is held for as long as
  /// the gradients are, so that no other cell comes to have its address.
  package private(set) var owners: [AnyObject]
  package private(set) var byVariable: [ObjectIdentifier: Tensor]
  private var byTensor: [TapePosition: Tensor]

  /// No gradients yet: for steps that are derived from no loss.
  public init() { self.init(owners: [], byVariable: [:], byTensor: [:]) }

  init(owners: [AnyObject], byVariable: [ObjectIdentifier: Tensor], byTensor: [TapePosition: Tensor]) {
    self.owners = owners
    self.byVariable = byVariable
    self.byTensor = byTensor
  }

  package subscript(variable: Variable) -> Tensor? { byVariable[ObjectIdentifier(variable)] }

  /// Sets or, with nil, removes the gradient of a variable.
  ///
  /// - Parameter owner: the object that the variable belongs to.
  package mutating func replace(_ gradient: Tensor?, of variable: Variable, owner: AnyObject) {
    let key = ObjectIdentifier(variable)
    if let gradient {
      ensure(
        gradient.shape == variable.value.shape,
        "Gradients: a gradient of shape \(gradient.shape) for a parameter of shape \(variable.value.shape)")
      if !owners.contains(where: { $0 === owner }) { owners.append(owner) }
    }
    byVariable[key] = gradient?.detached()
  }

  /// The gradient with respect to a tensor that was `watched`; nil where the result does not depend on it.
  public subscript(tensor: Tensor) -> Tensor? { tensor.node.flatMap { byTensor[$0] } }

  /// The 2-norm of all gradients with respect to parameters, taken as one vector.
  public var globalNorm: Float {
    // Sorted, because a dictionary has another order in every run, and a sum another last bit in every order.
    Float(byVariable.values.map(\.sumOfSquares).sorted().reduce(0, +).squareRoot())
  }

  /// Every gradient multiplied by a number.
  public func scaled(by factor: Float) -> Gradients { mapped { $0 * factor } }

  /// The gradients scaled down, if necessary, to a global norm of at most `limit`.
  public func clipped(toNorm limit: Float) -> Gradients {
    let norm = globalNorm
    return norm > limit ? scaled(by: limit / (norm + 1e-6)) : self
  }

  /// The gradients with every element held between −limit and limit (PyTorch's `clip_grad_value_`).
  public func clipped(toValue limit: Float) -> Gradients { mapped { $0.clipped(to: limit) } }

  /// Every gradient, those of watched tensors included, transformed.
  private func mapped(_ transform: (Tensor) -> Tensor) -> Gradients {
    Gradients(owners: owners, byVariable: byVariable.mapValues(transform), byTensor: byTensor.mapValues(transform))
  }

  /// The sums of two passes. A cell that only one of them has a gradient of keeps it.
  public static func + (a: Gradients, b: Gradients) -> Gradients {
    var known = Set(a.owners.map(ObjectIdentifier.init))
    return Gradients(
      owners: a.owners + b.owners.filter { known.insert(ObjectIdentifier($0)).inserted },
      byVariable: a.byVariable.merging(b.byVariable) { $0 + $1 }, byTensor: a.byTensor.merging(b.byTensor) { $0 + $1 })
  }
}
