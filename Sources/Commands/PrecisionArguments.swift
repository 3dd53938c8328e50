import ArgumentParser
import Aviary

/// In which numbers a command computes products.
package struct PrecisionArguments: ParsableArguments {
  @Option(
    help:
      "The numbers that convolutions, linear maps and matrix products multiply: f32, or bf16 on processors with such instructions. All else, and every file, stays float32."
  )
  var precision: Precision?

  package init() {}

  package func validate() throws {
    guard let precision, !precision.isAvailable else { return }
    throw ValidationError(
      "--precision \(precision.rawValue): this processor has no instructions for it (AVX512_BF16 or AMX); leave it out")
  }

  /// Sets the precision for the whole command.
  package func apply() {
    if let precision { Compute.precision = precision }
  }
}
