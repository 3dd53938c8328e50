import AviaryTensors
import AviaryTestSupport

/// The operators of windows.safetensors, each called as its case says.
enum WindowOperators {
  static let names =
    ["conv1d", "conv2d", "conv3d"] + (1...3).map { "conv_transpose\($0)d" }
    + ["max", "min", "avg", "adaptive_max", "adaptive_avg"].flatMap { kind in (1...3).map { "\(kind)_pool\($0)d" } }

  static func operation(_ name: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation {
    // The number of axes is the operand's.
    let kind = String(name.dropLast(2))
    if kind.hasPrefix("adaptive") {
      let size = try golden.integers("output_size")
      return { operands in
        kind == "adaptive_max_pool"
          ? adaptiveMaxPool(operands["x"]!, output: size) : adaptiveAveragePool(operands["x"]!, output: size)
      }
    }
    let (stride, padding) = (try golden.integers("stride"), try golden.integers("padding"))
    if kind.hasPrefix("conv") {
      let (dilation, groups) = (try golden.integers("dilation"), try golden.integer("groups"))
      if kind == "conv" {
        return {
          convolution(
            $0["x"]!, weight: $0["weight"]!, bias: $0["bias"], stride: stride, padding: padding, dilation: dilation,
            groups: groups)
        }
      }
      let extra = try golden.integers("output_padding")
      return {
        transposedConvolution(
          $0["x"]!, weight: $0["weight"]!, bias: $0["bias"], stride: stride, padding: padding, outputPadding: extra,
          dilation: dilation, groups: groups)
      }
    }
    let kernel = try golden.integers("kernel")
    let rounding: PoolRounding = try golden.flag("ceil_mode") ? .up : .down
    switch kind {
    case "max_pool":
      let dilation = try? golden.integers("dilation")
      return {
        maxPool(
          $0["x"]!, kernel: kernel, stride: stride, padding: padding, dilation: dilation, rounding: rounding)
      }
    case "min_pool":
      return { minPool($0["x"]!, kernel: kernel, stride: stride, padding: padding, rounding: rounding) }
    default:
      let counting = try golden.flag("count_include_pad")
      return {
        averagePool(
          $0["x"]!, kernel: kernel, stride: stride, padding: padding, rounding: rounding, countingPadding: counting)
      }
    }
  }
}
