import AviaryLayers
import AviaryTensors

extension Optimizer {
  /// Takes one training step, as `aviary train` does: computes the loss and its gradients, and updates the parameters.
  ///
  /// ```swift
  /// let (loss, logits) = try optimizer.trainingStep(model.parameters, learningRate: 1e-3) {
  ///   let logits = model(images)
  ///   return (crossEntropy(logits, labels: labels), logits)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - parameters: Frozen ones stay as they are.
  ///   - noise: The key of dropout's random numbers; by default every step draws anew.
  ///   - transform: Changes the gradients before the update. It runs on the caller's thread, so it may wait for others.
  ///   - body: Returns the loss, a scalar, and other results of the pass.
  /// - Throws: What `body` or `transform` throws; the parameters are unchanged then.
  public func trainingStep<Outputs>(
    _ parameters: [Parameter], learningRate: Double, noise: Noise? = nil, transform: GradientTransform? = nil,
    _ body: () throws -> (loss: Tensor, outputs: Outputs)
  ) throws -> (loss: Float, outputs: Outputs) {
    func differentiated() throws -> (value: Tensor, gradients: Gradients, auxiliary: Outputs) {
      try valueWithGradients(of: parameters, noise: noise) { () throws -> (Tensor, Outputs) in try body() }
    }
    guard let transform else {
      // One way to the compute thread and back, not three.
      return try Compute.run { () throws -> (loss: Float, outputs: Outputs) in
        let (loss, gradients, outputs) = try differentiated()
        step(parameters, gradients, learningRate: learningRate)
        return (loss.scalar, outputs)
      }
    }
    let (loss, gradients, outputs) = try differentiated()
    step(parameters, try transform(gradients), learningRate: learningRate)
    return (loss.scalar, outputs)
  }
}
