import AviaryDiagnostics
import AviaryKernels

/// A cell whose tensor changes from step to step, and with respect to which one differentiates.
package final class Variable {
  package var value: Tensor

  package init(_ value: Tensor) { self.value = value }

  /// The value as the current pass sees it: known to the tape where the tape differentiates with respect to it.
  package var tracked: Tensor { tracked(at: "") }

  /// The same for the parameter at a path, which a trace lists.
  ///
  /// - Parameter isFrozen: whether the tape is to know nothing of it.
  package func tracked(at path: @autoclosure () -> String, isFrozen: Bool = false) -> Tensor {
    Compute.alone {
      let tape = isFrozen ? nil : Pass.current.onComputeThread.tape
      let known = tape?.leaf(self) ?? value
      if let trace = Pass.current.onComputeThread.trace {
        trace.declare(known, .parameter(path: path()), cell: ObjectIdentifier(self))
      }
      return known
    }
  }

  /// The elements in the layout given, for changing them in place. Where anybody else holds them they are copied first.
  package func mutableBuffer(_ layout: Layout) -> Buffer {
    operation {
      let present = value.buffer.layout
      if present == layout, isKnownUniquelyReferenced(&value.content),
        let own = value.content.onComputeThread.takeAlone(layout)
      {
        return own
      }
      let copy = present == layout ? value.buffer.copied() : value.buffer.reordered(to: layout)
      value = Tensor(copy, shape: value.shape)
      return copy
    }
  }
}

/// The gradients of one backward pass: a value that can be added, scaled and clipped.
public struct Gradients {
  package private(set) var byVariable: [ObjectIdentifier: Tensor]
  private var byTensor: [TapePosition: Tensor]

  init(byVariable: [ObjectIdentifier: Tensor], byTensor: [TapePosition: Tensor]) {
    self.byVariable = byVariable
    self.byTensor = byTensor
  }

  package subscript(variable: Variable) -> Tensor? { byVariable[ObjectIdentifier(variable)] }

  /// The gradient with respect to a tensor that was `watched`; nil where the result does not depend on it.
  public subscript(tensor: Tensor) -> Tensor? { tensor.node.flatMap { byTensor[$0] } }

  /// The 2-norm of all gradients with respect to parameters, taken as one vector.
  public var globalNorm: Float {
    // Sorted, because a dictionary has another order in every run, and a sum another last bit in every order.
    Float(byVariable.values.map(\.sumOfSquares).sorted().reduce(0, +).squareRoot())
  }

  /// Every gradient multiplied by a number.
  public func scaled(by factor: Float) -> Gradients {
    Gradients(byVariable: byVariable.mapValues { $0 * factor }, byTensor: byTensor.mapValues { $0 * factor })
  }

  /// The gradients scaled down, where need be, to a global norm of at most `limit`.
  public func clipped(toNorm limit: Float) -> Gradients {
    let norm = globalNorm
    return norm > limit ? scaled(by: limit / (norm + 1e-6)) : self
  }

  /// The gradients with every element held between −limit and limit (PyTorch's `clip_grad_value_`).
  public func clipped(toValue limit: Float) -> Gradients {
    Gradients(
      byVariable: byVariable.mapValues { $0.clipped(to: limit) }, byTensor: byTensor.mapValues { $0.clipped(to: limit) }
    )
  }

  /// The sums of two passes over the same parameters.
  public static func + (a: Gradients, b: Gradients) -> Gradients {
    Gradients(
      byVariable: a.byVariable.merging(b.byVariable) { $0 + $1 }, byTensor: a.byTensor.merging(b.byTensor) { $0 + $1 })
  }
}

/// Runs `body` with a tape and differentiates the scalar it returns with respect to the variables.
package func valueWithGradients<Auxiliary, Failure>(
  of variables: [Variable], mode: Mode, noise: Noise?, _ body: () throws(Failure) -> (Tensor, Auxiliary)
) throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) {
  try Compute.run { () throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) in
    ensure(
      Pass.current.onComputeThread.tape == nil,
      "valueWithGradients inside of valueWithGradients: higher-order gradients are not supported")
    let tape = Compute.alone { Tape(of: variables) }
    let (loss, auxiliary) = try Pass.scope(
      {
        $0.mode = mode
        $0.tape = tape
        $0.drawing = Drawing(noise)
      }, body)
    ensure(loss.count == 1, "valueWithGradients: the result has shape \(loss.shape), not one element")
    let (byVariable, byTensor) = untraced { tape.gradients(of: loss) }
    return (loss.detached(), Gradients(byVariable: byVariable, byTensor: byTensor), auxiliary)
  }
}

/// A tensor whose gradient the pass keeps: an input, or an intermediate result. To be called inside of
/// `valueWithGradients`, with the result used in its place; elsewhere it returns the tensor itself.
public func watched(_ x: Tensor) -> Tensor {
  guard Compute.isCurrent, let tape = Pass.current.onComputeThread.tape else { return x }
  return Compute.alone { tape.watching(x) }
}
