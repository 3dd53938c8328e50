import AviaryTensors

/// A network that sorts inputs into classes: a backbone that makes features, and a head that makes logits of them.
///
/// Inputs are images [N, C, H, W], or rows [N, F] where the configuration allows them.
public protocol Classifier: Network, UnaryLayer {
  /// What the head is given: [N, C, H, W] → [N, F].
  func features(_ x: Tensor) -> Tensor
  /// The logits: [N, F] → [N, classes].
  func head(_ features: Tensor) -> Tensor
  /// What speaks for each class: logits [N, classes] → [N, classes]. These are the logits themselves, unless one of them is a
  /// constant, which would say that nothing in an input speaks for its class.
  func evidence(_ logits: Tensor) -> Tensor
  /// Features in the order in which the framework that the network comes from has them: [N, F] → [N, F]. That is the order that
  /// they have, unless the network was rearranged when it was read.
  func originalOrder(ofFeatures features: Tensor) -> Tensor
  /// Whether the framework that the network comes from has the channels of its outputs before their positions, as they are here,
  /// and not after them.
  var hasChannelsFirst: Bool { get }
}

extension Classifier {
  public func forward(_ x: Tensor) -> Tensor { head(features(x)) }
  public func evidence(_ logits: Tensor) -> Tensor { logits }
  public func originalOrder(ofFeatures features: Tensor) -> Tensor { features }
  public var hasChannelsFirst: Bool { false }
}

/// A classifier with further heads that look at inner features and learn beside the main one, such as GoogLeNet's and
/// Inception's. In use only the main head answers.
public protocol AuxiliaryClassifier: Classifier {
  /// The logits of the main head, and those of the others with the weights that their losses have: [N, C, H, W] → [N,
  /// classes] each.
  func trainingOutputs(_ x: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput])
}

/// What an auxiliary head puts out in training.
public struct AuxiliaryOutput: Sendable {
  /// [N, classes]
  public var logits: Tensor
  /// The share of its loss in the sum.
  public var weight: Float

  /// Logits with the weight of their loss.
  public init(_ logits: Tensor, weight: Float) {
    self.logits = logits
    self.weight = weight
  }
}
