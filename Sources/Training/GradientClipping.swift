import AviaryTensors

/// What a run does to the gradients of a step before the optimizer sees them, such as averaging them with those of other
/// processes. It must depend on nothing but the gradients and the step, or a resumed run goes another way.
public typealias GradientTransform = (_ gradients: Gradients) throws -> Gradients

/// How large gradients may be. Where both limits are given, elements are clipped first.
public struct GradientClipping: Codable, Equatable, Sendable {
  /// The limit of the 2-norm of all gradients together (PyTorch's `clip_grad_norm_`; Pascanu et al. 2013).
  public var norm: Double?
  /// The limit of each element's magnitude (PyTorch's `clip_grad_value_`).
  public var value: Double?

  /// Limits; nil for none.
  public init(norm: Double? = nil, value: Double? = nil) {
    self.norm = norm
    self.value = value
  }

  /// The gradients within the limits. Those of frozen parameters do not exist and do not count.
  public func clipped(_ gradients: Gradients) -> Gradients {
    let held = value.map { gradients.clipped(toValue: Float($0)) } ?? gradients
    return norm.map { held.clipped(toNorm: Float($0)) } ?? held
  }

  /// The one hook between gradients and optimizer: the transforms in their order, then clipping; nil where there is none.
  static func transform(_ transforms: GradientTransform?..., then clipping: GradientClipping?) -> GradientTransform? {
    let all = transforms.compactMap { $0 } + (clipping.map { [$0.clipped] } ?? [])
    guard all.count > 1 else { return all.first }
    return { gradients in try all.reduce(gradients) { try $1($0) } }
  }

  /// Refuses limits that no gradient fits into.
  public func validate() throws(TrainingFault) {
    for (name, limit) in [("gradient norm's limit", norm), ("gradient value's limit", value)] {
      guard let limit else { continue }
      // The limit is a Float32 in the end.
      try TrainingFault.check(name, limit, Float(limit) > 0 && Float(limit).isFinite, "a number above 0")
    }
  }
}
