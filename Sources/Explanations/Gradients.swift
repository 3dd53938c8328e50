import AviaryTensors

// Explanations by one gradient with respect to the input.

extension Explainer {
  /// How much the output changes with each number of the input: its gradient (Simonyan et al., 2013), [N, …] → [N, …].
  ///
  /// - Parameter magnitude: whether the sign is dropped.
  /// - Parameter target: the outputs to explain.
  /// - Parameter x: the inputs, [N, …].
  public func saliency(
    _ x: Tensor, _ target: Target = .highest, magnitude: Bool = true
  ) throws(ExplanationFault) -> Tensor {
    let gradient = try gradient(x, try chosen(target, for: x))
    return magnitude ? abs(gradient) : gradient
  }

  /// The gradient times the input (Shrikumar et al., 2016), [N, …] → [N, …]: what each number adds to the output of a linear
  /// model.
  public func inputTimesGradient(_ x: Tensor, _ target: Target = .highest) throws(ExplanationFault) -> Tensor {
    try finite(gradient(x, try chosen(target, for: x)) * x)
  }

  /// The gradient that lets only what is positive back through each relu (Springenberg et al., 2014), [N, …] → [N, …].
  ///
  /// It says less about the decision than it seems to: maps of random weights look much the same. See `SanityCheck`.
  /// - Throws: `ExplanationFault.noRelu` where the model calls none. Other activations, relu6 included, stay as they are.
  public func guidedBackpropagation(_ x: Tensor, _ target: Target = .highest) throws(ExplanationFault) -> Tensor {
    let chosen = try chosen(target, for: x)
    let (gradient, calls) = try changingGradients(of: "relu", by: relu) { () throws(ExplanationFault) in
      try self.gradient(x, chosen)
    }
    guard calls > 0 else { throw .noRelu }
    return gradient
  }
}
