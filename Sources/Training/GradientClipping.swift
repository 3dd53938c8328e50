import AviaryTensors

/// How large gradients may be. Where both limits are given, elements are clipped first.
public struct GradientClipping: Codable, Equatable, Sendable {
  /// The most that the 2-norm of all gradients together may be (PyTorch's `clip_grad_norm_`; Pascanu et al. 2013).
  public var norm: Double?
  /// The most that an element may be, in both directions (PyTorch's `clip_grad_value_`).
  public var value: Double?

  public init(norm: Double? = nil, value: Double? = nil) {
    self.norm = norm
    self.value = value
  }

  /// The gradients within the limits. Those of frozen parameters do not exist and do not count.
  public func clipped(_ gradients: Gradients) -> Gradients {
    let held = value.map { gradients.clipped(toValue: Float($0)) } ?? gradients
    return norm.map { held.clipped(toNorm: Float($0)) } ?? held
  }

  /// Refuses limits that leave nothing.
  public func validate() throws(TrainingFault) {
    for (name, limit) in [("gradient norm's limit", norm), ("gradient value's limit", value)] {
      guard let limit else { continue }
      // The limit is a Float32 in the end.
      try TrainingFault.check(name, limit, Float(limit) > 0 && Float(limit).isFinite, "a number above 0")
    }
  }
}
