import AviaryKernels

/// A change to the gradient that reaches the result of every call of one operation, before its pullback sees it.
final class GradientRule {
  private let operation: String
  private let change: (Tensor) -> Tensor
  /// How many calls the rule has met.
  private(set) var calls = 0

  init(_ operation: String, _ change: @escaping (Tensor) -> Tensor) {
    self.operation = operation
    self.change = change
  }

  /// The pullback of a call of an operation, as the rule has it.
  func changed(_ pullback: @escaping Pullback, of call: OperationDescription) -> Pullback {
    guard call.name == operation else { return pullback }
    calls += 1
    let change = change
    return { gradient, cotangents in pullback(change(gradient), &cotangents) }
  }
}

/// Runs `body`. In every `valueWithGradients` inside of it, the gradient that reaches the result of an operation is changed
/// before it flows back through that operation: guided backpropagation, for instance, lets only what is positive through
/// each relu.
///
/// - Parameters:
///   - operation: the name under which traces list it, such as `relu`.
///   - change: from the gradient to one of the same shape.
/// - Returns: the result of `body`, and how many recorded calls of the operation were met.
package func changingGradients<Result, Failure>(
  of operation: String, by change: @escaping (Tensor) -> Tensor, _ body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, calls: Int) {
  let rule = Confined(GradientRule(operation, change))
  let result = try Pass.scope({ $0.gradientRule = rule.onComputeThread }, body)
  return (result, rule.run { $0.calls })
}
