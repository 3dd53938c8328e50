import AviaryDiagnostics
import AviaryKernels

/// An operation of your own: a forward function, and the pullback that gradients flow through.
///
/// ```swift
/// func cubed(_ x: Tensor) -> Tensor {
///   customOperation("cubed", inputs: [x]) {
///     $0[0] * $0[0] * $0[0]
///   } pullback: { gradient, inputs, _ in
///     [gradient * inputs[0] * inputs[0] * 3]
///   }
/// }
/// ```
///
/// Neither function is differentiated or traced itself: inside of both, operations are those of a pass without a tape. A
/// trace lists the operation under its name, a profile its work.
///
/// - Parameters:
///   - name: what traces and profiles call it.
///   - inputs: what gradients may flow to. Anything else that the functions use is a constant.
///   - attributes: everything beside the inputs that is needed to compute the operation again; for traces.
///   - forward: from the inputs to the result.
///   - pullback: from the gradient with respect to the result, the inputs and the result to the gradient with respect to
///     each input, of its shape: nil for an input to which none flows. It is called at most once a pass, and only where
///     some input's gradient is wanted.
public func customOperation(
  _ name: String, inputs: [Tensor], attributes: @autoclosure () -> [String: AttributeValue] = [:],
  forward: ([Tensor]) -> Tensor,
  pullback: @escaping (_ gradient: Tensor, _ inputs: [Tensor], _ result: Tensor) -> [Tensor?]
) -> Tensor {
  let operands = inputs.map { $0.detached() }
  let y = Pass.scope(
    {
      $0.tape = nil
      $0.trace = nil
    }, { forward(operands).detached() })
  return operation {
    recorded(y, as: OperationDescription(name, attributes()), fromAll: inputs) { dy, cotangents in
      let gradients = pullback(dy.detached(), operands, y)
      ensure(
        gradients.count == inputs.count,
        "\(name): the pullback returned \(gradients.count) gradients for \(inputs.count) inputs")
      for (number, (input, gradient)) in zip(inputs, gradients).enumerated() {
        guard let gradient else { continue }
        ensure(
          gradient.shape == input.shape,
          "\(name): the gradient of input \(number) has shape \(gradient.shape), the input \(input.shape)")
        cotangents.add(gradient.detached(), to: input)
      }
    }
  }
}
