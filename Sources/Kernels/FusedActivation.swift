import COneDNN

/// An activation, other than a relu, that a convolution may end with.
package enum FusedActivation: Sendable {
  case relu6, silu, hardSwish

  /// Nil where no convolution ends with the function.
  package init?(_ function: ElementFunction) {
    switch function {
    case .clamp(0, 6), .hardTanh(0, 6): self = .relu6
    case .silu: self = .silu
    case .hardSwish: self = .hardSwish
    default: return nil
    }
  }

  /// The same as a kernel of its own.
  package var function: ElementFunction {
    switch self {
    case .relu6: .hardTanh(0, 6)
    case .silu: .silu
    case .hardSwish: .hardSwish
    }
  }

  var flag: Int32 {
    switch self {
    case .relu6: Int32(AD_RELU6.rawValue)
    case .silu: Int32(AD_SILU.rawValue)
    case .hardSwish: Int32(AD_HARD_SWISH.rawValue)
    }
  }
}
