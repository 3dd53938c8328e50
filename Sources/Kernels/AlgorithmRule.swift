import CKernels
import COneDNN

/// How a convolution is computed.
package enum ConvolutionAlgorithm: String, Sendable, CaseIterable {
  /// Products as the definition has them, over channels in blocks.
  case direct
  /// The same, over channels that lie side by side at each position.
  case directChannelsLast
  /// Winograd's F(4×4, 3×3), which transforms the weights on every call.
  case winograd
  /// The same with weights transformed once; forward only.
  case preparedWinograd
}

/// What a convolution is computed for.
package enum ConvolutionPass: Hashable, Sendable {
  case training
  case inference
  /// Inference by weights that stay, so that what is prepared from them is used again and again.
  case repeatedInference
}

/// Which algorithm a convolution runs by: a pure function of its shape and of the machine, never of a measurement.
/// `tools/tune` measures all of them on many shapes and shows where the rule does not choose the quickest.
package enum AlgorithmRule {
  /// - Winograd's F(4×4, 3×3) needs a quarter of the multiplications, but works in tiles of 4×4 results, and transforms
  ///   the weights on every call. Where tiles are few or half empty that costs more than it saves: it gains from 16 tiles
  ///   on, and with the widest layers and AVX-512, whose direct convolution waits for nothing but the weights, from 32.
  /// - Weights transformed once are four times as large, and gain from 8 tiles on.
  /// - Direct convolution by more than one element reads wide weights faster where channels come last; with few positions
  ///   that outweighs a change of the layout. So it does where the window strides: by a tenth to a half, measured with 256
  ///   outputs and more.
  package static func algorithm(
    batch: Int, inputChannels: Int, outputChannels: Int, output: ArraySlice<Int>, window: Window, groups: Int,
    pass: ConvolutionPass
  ) -> ConvolutionAlgorithm {
    let positions = batch * output.reduce(1, *)
    if hasWinograd, groups == 1, fitsWinograd(window), inputChannels % block == 0, outputChannels % block == 0,
      // More than 55 of 100 positions are used.
      case let tiles = batch * output.reduce(1, { $0 * (($1 + 3) / 4) }), 100 * positions > 55 * 16 * tiles
    {
      if pass == .repeatedInference, tiles >= 8 { return .preparedWinograd }
      if tiles >= (hasAVX512 && inputChannels * outputChannels > 1 << 16 ? 32 : 16) { return .winograd }
    }
    guard hasAVX512 else { return .direct }
    guard pass != .training, groups == 1, inputChannels % 16 == 0, window.kernel.contains(where: { $0 > 1 }) else {
      return .direct
    }
    let few = pass == .repeatedInference ? 100 : 400
    let strides = window.stride.contains { $0 > 1 }
    return positions < few || strides && outputChannels >= 256 ? .directChannelsLast : .direct
  }

  /// Whether a convolution is one that Winograd's algorithms are for.
  private static func fitsWinograd(_ window: Window) -> Bool {
    window.kernel == [3, 3] && window.stride == [1, 1] && window.dilation == [1, 1]
      && window.paddingLow.allSatisfy { $0 <= 1 } && window.paddingHigh.allSatisfy { $0 <= 1 }
  }

  /// Whether gradients are best computed with the channels last, whatever layout the input has: measured on AVX-512 it
  /// takes a third to a half of the time where channels do not fill blocks of 16, and as long where they do.
  package static func takesGradientsChannelsLast(inputChannels: Int, groups: Int) -> Bool {
    hasAVX512 && groups == 1 && inputChannels > 3 && inputChannels % 16 != 0
  }

  /// Whether the forward pass of a linear map is quicker as a product of matrices than as oneDNN's inner product. Measured
  /// on AVX-512 with row-major weights: from 16 rows on it takes a quarter of the time to all of it, and less from 4 rows on
  /// where no cache holds the weights.
  static func multipliesMatrices(rows: Int, weights: Int) -> Bool {
    hasAVX512 && (rows >= 16 || rows >= 4 && weights >= 4 << 20)
  }

  /// By how many floats the rows of the result's gradient are made longer where the gradient of a linear map's weights is quicker
  /// as a product of matrices; nil where oneDNN's inner product is quicker. Rows that are a multiple of 2 kB apart fall into the
  /// same few lines of a cache where they are read across. Measured without AVX-512, with a cache line more: 1024 outputs by 256
  /// inputs take half of the time, 512 by 512 seven eighths, from 64 rows on; with more weights oneDNN reads in other pieces, and
  /// nothing is gained. With AVX-512 the product copies what it reads by itself: 1024 outputs by 256 inputs take two thirds of
  /// the time for thousands of rows, and 512 outputs as long as the inner product.
  static func gradientPadding(rows: Int, inputs: Int, outputs: Int) -> Int? {
    guard inputs >= 128, inputs * outputs <= 1 << 18 else { return nil }
    if hasAVX512 { return rows >= 1024 && outputs % 1024 == 0 ? 0 : nil }
    return rows >= 64 && outputs % 512 == 0 ? 16 : nil
  }

  private static let hasAVX512 = ad_has_avx512()
  /// The channels of a block in the layouts of convolutions.
  private static let block = hasAVX512 ? 16 : 8
  private static let hasWinograd = ak_winograd_is_fast(Int64(block))
}
