import AviaryTensors

/// A network that sorts inputs into classes: a backbone that makes features, and a head that makes logits of them.
///
/// Inputs are images [N, C, H, W], or rows [N, F] where the configuration allows them.
public protocol Classifier: Network, UnaryLayer {
  /// What the head is given: [N, C, H, W] → [N, F].
  func features(_ x: Tensor) -> Tensor
  /// The logits: [N, F] → [N, classes].
  func head(_ features: Tensor) -> Tensor
}

extension Classifier {
  public func forward(_ x: Tensor) -> Tensor { head(features(x)) }

  /// A copy that any number of tasks may use at once; it predicts and cannot be trained.
  public func frozenForInference() -> InferenceModel<Self> { InferenceModel(copy()) }
}

/// A model in use: it can be shared between tasks, whose calls are served one after the other. The first call prepares
/// weights for those that follow.
public struct InferenceModel<Model: Classifier>: Sendable {
  private let model: Confined<Model>

  init(_ model: Model) { self.model = Confined(model) }

  /// The logits: [N, C, H, W] → [N, classes].
  public func callAsFunction(_ x: Tensor) -> Tensor {
    inference(weightsStay: true) { model.unchanging(x) }
  }
}
