import AviaryKernels
import CKernels
import Foundation
import Testing

/// What is measured is what the rule chooses among.
@Suite struct AlgorithmRuleTests {
  private static func shape(channels: Int, size: Int, kernel: Int = 3, batch: Int = 1) -> ConvolutionShape {
    let padding = [kernel / 2, kernel / 2]
    return ConvolutionShape(
      input: [batch, channels, size, size], weights: [channels, channels, kernel, kernel],
      window: Window(
        kernel: [kernel, kernel], stride: [1, 1], dilation: [1, 1], paddingLow: padding, paddingHigh: padding),
      groups: 1, hasBias: true)
  }

  @Test(arguments: [16, 20, 32, 64], [1, 3]) func theChoiceIsAmongWhatWasMeasured(channels: Int, kernel: Int) {
    let works: [AlgorithmMeasurement.Work] = [
      .forward(.training), .forward(.inference), .forward(.repeatedInference), .gradientOfInput, .gradientOfWeights,
    ]
    for work in works {
      let found = AlgorithmMeasurement(
        Self.shape(channels: channels, size: 24, kernel: kernel), work, duration: 0)
      #expect(found.seconds[found.chosen] != nil, "\(work): \(found.chosen)")
      #expect(found.seconds.values.allSatisfy { $0 > 0 && $0.isFinite } && found.loss >= 1)
      #expect(kernel == 3 || found.seconds[.winograd] == nil, "Winograd's is for 3×3")
    }
  }

  @Test func preparedWeightsAreForRepeatedInference() {
    func chosen(_ pass: ConvolutionPass) -> ConvolutionAlgorithm {
      AlgorithmMeasurement(Self.shape(channels: 64, size: 14), .forward(pass), duration: 0).chosen
    }
    #expect(chosen(.training) != .preparedWinograd && chosen(.inference) != .preparedWinograd)
  }

  /// Processors with more than AVX-512, such as AMX, have AVX-512.
  @Test func vectorsAreAsWideAsTheProcessors() {
    let limits = ["DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA"].compactMap { ProcessInfo.processInfo.environment[$0] }
    guard limits.isEmpty, ak_winograd_is_fast(8) else { return }
    let shape = Self.shape(channels: 32, size: 16)
    let name = Compute.alone {
      shape.forward(source: .plain(shape.input), pass: .training, relu: false, add: false).implementation
    }
    #expect(name == (ak_winograd_is_fast(16) ? "aviary_wino_4x3:avx512" : "aviary_wino_4x3:avx2"))
  }
}
