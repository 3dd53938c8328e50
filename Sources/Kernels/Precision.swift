import AviaryDiagnostics
import COneDNN

/// In which numbers products are computed: of the factors; sums are of float32 always.
public enum Precision: String, Sendable, Hashable, Codable, CaseIterable {
  /// IEEE 754's binary32.
  case float32 = "f32"
  /// float32 with 8 of its 24 significant bits: the same range, and half of the memory.
  case bfloat16 = "bf16"

  /// Whether the processor has instructions for such products. Without them they would take longer than those of float32.
  public var isAvailable: Bool { self == .float32 || ad_has_bfloat16() }

  package func ensureAvailable() {
    ensure(isAvailable, "precision \(rawValue): this processor has no instructions for it")
  }

  var type: ad_type { self == .bfloat16 ? AD_BFLOAT16 : AD_FLOAT }
}
