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

  /// The elements in a layout, for changing them in place. Elements that are shared are copied first.
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

/// Runs `body` with a tape and differentiates the scalar it returns with respect to the variables.
///
/// - Parameter owners: the objects that the variables belong to, one for each; nil where they stand for themselves.
package func valueWithGradients<Auxiliary, Failure>(
  of variables: [Variable], owners: [AnyObject]? = nil, mode: Mode, noise: Noise?,
  _ body: () throws(Failure) -> (Tensor, Auxiliary)
) throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) {
  try Compute.run { () throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) in
    ensure(
      Pass.current.onComputeThread.tape == nil,
      "valueWithGradients inside of valueWithGradients: higher-order gradients are not supported")
    let tape = Compute.alone {
      Tape(
        of: variables, rule: Pass.current.onComputeThread.gradientRule,
        gradientIsFinal: Pass.current.onComputeThread.share?.gradientIsFinal)
    }
    let (loss, auxiliary) = try Pass.scope(
      {
        $0.mode = mode
        $0.tape = tape
        $0.drawing = Drawing(noise)
      }, body)
    ensure(loss.count == 1, "valueWithGradients: the result has shape \(loss.shape), not one element")
    let (byVariable, byTensor) = untraced { tape.gradients(of: loss) }
    return (
      loss.detached(), Gradients(owners: owners ?? variables, byVariable: byVariable, byTensor: byTensor), auxiliary
    )
  }
}

/// Keeps the gradient with respect to a tensor: an input or an intermediate result. Call it inside of
/// `valueWithGradients` and use what it returns; elsewhere it returns the tensor itself.
public func watched(_ x: Tensor) -> Tensor {
  guard Compute.isCurrent, let tape = Pass.current.onComputeThread.tape else { return x }
  return Compute.alone { tape.watching(x) }
}
