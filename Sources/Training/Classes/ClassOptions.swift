import AviaryDatasets
import AviaryDiagnostics

/// How a run learns classes that are not equally frequent, or whose labels are not certain.
public struct ClassOptions: Codable, Equatable, Sendable {
  /// What the losses of the classes are multiplied by.
  public enum Weights: Codable, Equatable, Sendable {
    /// n / (classes · n of the class): scikit-learn's `compute_class_weight("balanced")`.
    case balanced
    /// One for each class.
    case given([ClassWeight])
  }

  /// What the loss of one class is multiplied by.
  public struct ClassWeight: Codable, Equatable, Sendable {
    /// The name of the class.
    public var name: String
    /// The factor, above 0.
    public var weight: Double

    /// A class and its factor.
    public init(_ name: String, _ weight: Double) {
      self.name = name
      self.weight = weight
    }
  }

  /// What the losses are multiplied by; nil for 1.
  public var weights: Weights?
  /// Which items an epoch goes through.
  public var sampler = Sampler.uniform
  /// γ of the focal loss.
  public var focalGamma = 2.0
  /// How much of each label's certainty is shared out among all classes. That of images is in `ImageOptions`.
  public var labelSmoothing = 0.0
  /// τ: the logits get τ times the logarithm of the classes' shares while they are learned, so that without it they are
  /// those of classes that are equally frequent (Menon et al., "Long-tail learning via logit adjustment", 2021); nil for none.
  public var logitAdjustment: Double?
  /// The score of the validation part for which the thresholds of the classes are chosen in the end; nil for none.
  public var thresholds: Monitor?
  /// How many of the most probable classes are looked through for the right one in a further score; nil for none.
  public var topK: Int?

  /// All classes alike, and labels that are certain.
  public init() {}

  /// What was written before a setting existed has its default.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    weights = try container.decodeIfPresent(Weights.self, forKey: .weights)
    sampler = try container.decodeIfPresent(Sampler.self, forKey: .sampler) ?? sampler
    focalGamma = try container.decodeIfPresent(Double.self, forKey: .focalGamma) ?? focalGamma
    labelSmoothing = try container.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? labelSmoothing
    logitAdjustment = try container.decodeIfPresent(Double.self, forKey: .logitAdjustment)
    thresholds = try container.decodeIfPresent(Monitor.self, forKey: .thresholds)
    topK = try container.decodeIfPresent(Int.self, forKey: .topK)
  }

  private enum CodingKeys: String, CodingKey {
    case weights, sampler, focalGamma, labelSmoothing, logitAdjustment, thresholds, topK
  }

  /// The command's name of the first setting that only means something for classes; nil where none is changed.
  var firstOption: String? {
    if weights != nil { return "--class-weights" }
    if sampler != .uniform { return "--sampler" }
    if labelSmoothing != 0 { return "--label-smoothing" }
    if logitAdjustment != nil { return "--logit-adjustment" }
    if thresholds != nil { return "--thresholds" }
    if topK != nil { return "--top-k" }
    return nil
  }

  /// Whether anything is done about rare classes.
  var treatsRareClasses: Bool { weights != nil || sampler != .uniform || logitAdjustment != nil || thresholds != nil }

  func validate() throws(TrainingFault) {
    try TrainingFault.check("focal loss's gamma", focalGamma, (0...100).contains(focalGamma), "0 to 100")
    try TrainingFault.check(
      "label smoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "at least 0 and below 1")
    if let logitAdjustment {
      try TrainingFault.check("logit adjustment", logitAdjustment, (0...100).contains(logitAdjustment), "0 to 100")
    }
    if let topK { try TrainingFault.check("top-k", topK, topK >= 1, "at least 1") }
    if let thresholds {
      try TrainingFault.check(
        "thresholds", thresholds.rawValue, thresholds.isThresholdCriterion,
        Monitor.allCases.filter(\.isThresholdCriterion).map(\.rawValue).joined(separator: ", "))
    }
    guard case .given(let given)? = weights else { return }
    for weight in given {
      try TrainingFault.check(
        "class weight of '\(weight.name)'", weight.weight, weight.weight >= 0 && weight.weight.isFinite, "0 or more")
    }
    try TrainingFault.check(
      "class weights", "all 0", given.contains { $0.weight > 0 }, "above 0 for some class")
  }
}
