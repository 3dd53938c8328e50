/// A result that a module above has computed, as the tape of the pass knows it.
///
/// - Parameter pullback: gives the gradient with respect to each operand, from that of the result.
package func recordedResult(
  _ y: Tensor, from a: Tensor, _ b: Tensor? = nil, pullback: @escaping (_ gradient: Tensor) -> [Tensor]
) -> Tensor {
  operation {
    recorded(y, from: a, b) { dy, cotangents in
      for (x, dx) in zip([a, b], pullback(dy)) {
        if let x { cotangents.add(dx, to: x) }
      }
    }
  }
}
