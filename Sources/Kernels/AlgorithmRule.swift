import COneDNN

/// Which algorithm a convolution runs by: a pure function of its shape and of the machine, never of a measurement.
package enum AlgorithmRule {
  /// Whether Winograd's F(4×4, 3×3) is used instead of direct convolution.
  ///
  /// It needs a quarter of the multiplications, but works in tiles of 4×4 results, and transforms the weights on every
  /// call. Where tiles are few or mostly empty that costs more than it saves: measured on AVX-512, it gains from 32 tiles
  /// on, and where half of the tiles' area is used. Weights transformed beforehand would gain a few per cent more in
  /// inference; oneDNN takes half a second to transform those of a wide layer, which no first prediction can wait for.
  package static func usesWinograd(
    batch: Int, inputChannels: Int, outputChannels: Int, output: [Int], window: Window, groups: Int
  ) -> Bool {
    guard hasWinograd, groups == 1, window.kernel == [3, 3], window.stride == [1, 1], window.dilation == [1, 1],
      window.paddingLow.allSatisfy({ $0 <= 1 }), window.paddingHigh.allSatisfy({ $0 <= 1 }),
      inputChannels % 16 == 0, outputChannels % 16 == 0
    else { return false }
    let tiles = output.reduce(1) { $0 * (($1 + 3) / 4) }
    let used = Double(output.reduce(1, *)) / Double(16 * tiles)
    return used >= 0.5 && batch * tiles >= 32
  }

  /// Winograd needs AVX-512 and oneDNN 2.x.
  private static let hasWinograd = ad_version() < 3_00_00 && ad_has_avx512()
}
