import AviaryDiagnostics
import AviaryKernels

/// A cell whose tensor changes from step to step, and with respect to which one differentiates.
package final class Variable {
  package var value: Tensor

  package init(_ value: Tensor) { self.value = value }

  /// The value as the current pass sees it: known to the tape where the tape differentiates with respect to it.
  package var tracked: Tensor {
    Compute.run { Pass.current.onComputeThread.tape?.leaf(self) ?? value }
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
    let tape = Tape(of: variables)
    let (loss, auxiliary) = try Pass.scope(
      {
        $0.mode = mode
        $0.tape = tape
        $0.drawing = Drawing(noise)
      }, body)
    ensure(loss.count == 1, "valueWithGradients: the result has shape \(loss.shape), not one element")
    let (byVariable, byTensor) = tape.gradients(of: loss)
    return (
      loss.detached(), Gradients(owners: owners ?? variables, byVariable: byVariable, byTensor: byTensor), auxiliary
    )
  }
}

/// A tensor whose gradient the pass keeps: an input, or an intermediate result. To be called inside of
/// `valueWithGradients`, with the result used in its place; elsewhere it returns the tensor itself.
public func watched(_ x: Tensor) -> Tensor {
  Compute.run { Pass.current.onComputeThread.tape?.watching(x) ?? x }
}
