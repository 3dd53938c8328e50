import AviaryLayers
import AviaryTensors

/// What is seen of a run at one of its steps.
public struct StepReport {
  /// One layer with parameters or relus.
  public struct LayerReport: Equatable, Sendable {
    /// The path of the layer.
    public let path: String
    /// The 2-norm of the step's gradient of the layer's own parameters, before clipping; nil where it has none.
    public var gradientNorm: Double?
    /// The share of the layer's relus that are 0 for every item of the batch; nil where it has none. A relu is a channel of
    /// feature maps, or a feature elsewhere.
    public var deadRelus: Double?
  }

  /// How many steps the run has taken.
  public let step: Int
  /// Counted from 1.
  public let epoch: Int
  /// The means over the items since the last report.
  public let scores: Scores
  /// The learning rate of the step.
  public let learningRate: Double
  /// The 2-norm of the step's gradient, before clipping.
  public let gradientNorm: Double
  /// In the order of the model, then relus of layers without parameters.
  public let layers: [LayerReport]
  /// Since the last report; nil where no time has passed.
  public let itemsPerSecond: Double?
  /// The model after the step.
  public let model: any Layer
  /// The gradients of the step by the path of their parameter, before clipping.
  public let gradients: [(path: String, gradient: Tensor)]
  /// The images of the step's batch as the network sees them, [N, C, H, W]; nil where there are none.
  public let images: Tensor?

  /// The report as a line for a person.
  var text: String {
    let dead = layers.compactMap { layer in layer.deadRelus.map { (layer.path, $0) } }.max { $0.1 < $1.1 }
    let worst = dead.flatMap { path, share in
      share > 0.5 ? ", \(Int((100 * share).rounded())) % of the relus of \(path) dead" : nil
    }
    return "step \(step)  \(LoopReporter.text(scores))  learning rate \(significant(learningRate, 3)), "
      + "gradient norm \(significant(gradientNorm, 3))\(worst ?? "")"
  }
}

/// Takes note of the gradients of one step on their way to the optimizer.
final class GradientWatch {
  /// Those of each update of the step, as they were computed.
  private(set) var seen: [Gradients] = []
  private let before: GradientTransform?

  /// - Parameter before: what is done to them afterwards, before the optimizer.
  init(before: GradientTransform?) { self.before = before }

  func transform(_ gradients: Gradients) throws -> Gradients {
    seen.append(gradients)
    return try before?(gradients) ?? gradients
  }
}
