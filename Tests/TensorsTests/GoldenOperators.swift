import AviaryTensors
import AviaryTestSupport

/// The operators of the golden file, each called as its case says.
enum GoldenOperators {
  typealias Operation = ([String: Tensor]) -> Tensor

  /// Operators whose operand and result are [N, C, …], so that they may arrive and leave in a layout of their own.
  static let spatial = [
    "conv2d", "batch_norm", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "relu",
    "conv_bn_relu",
  ]
  static let others = [
    "linear", "softmax", "log_softmax", "cross_entropy", "nll_loss", "add", "multiply", "concatenate", "reshape",
    "flatten", "mean", "sum",
  ]

  /// The operands that are differentiated: those that have a golden gradient.
  static func operands(_ golden: GoldenCase) throws -> [String: Tensor] {
    var operands: [String: Tensor] = [:]
    for (name, array) in golden.arrays where golden.optionalArray("d_\(name)") != nil {
      operands[name] = Tensor(array.floats, shape: array.shape)
    }
    return operands
  }

  static func tensor(_ golden: GoldenCase, _ name: String) throws -> Tensor {
    let array = try golden.array(name)
    return Tensor(array.floats, shape: array.shape)
  }

  static func operation(_ name: String, _ golden: GoldenCase, _ statistics: Statistics) throws -> Operation {
    switch name {
    case "conv2d": return try convolutionCase(golden)
    case "batch_norm":
      let normalize = try normalization(golden, statistics)
      return { normalize($0["x"]!, $0["weight"]!, $0["bias"]!) }
    case "conv_bn_relu":
      let normalize = try normalization(golden, statistics)
      let (stride, padding) = (try golden.integer("stride"), try golden.integer("padding"))
      return { operands in
        let y = convolution(
          operands["x"]!, weight: operands["conv_weight"]!, stride: [stride, stride], padding: [padding, padding],
          dilation: [1, 1])
        let normalized = normalize(y, operands["bn_weight"]!, operands["bn_bias"]!)
        return relu(operands["residual"].map { normalized + $0 } ?? normalized)
      }
    case "max_pool2d", "avg_pool2d": return try poolCase(name, golden)
    case "adaptive_avg_pool2d":
      let size = try golden.integers("output_size")
      return { adaptiveAveragePool($0["x"]!, output: size) }
    case "adaptive_max_pool2d":
      let size = try golden.integers("output_size")
      return { adaptiveMaxPool($0["x"]!, output: size) }
    default: return try plainCase(name, golden)
    }
  }

  private static func convolutionCase(_ golden: GoldenCase) throws -> Operation {
    let (stride, padding) = (try golden.integer("stride"), try golden.integer("padding"))
    let (dilation, groups) = (try golden.integer("dilation"), try golden.integer("groups"))
    return { operands in
      convolution(
        operands["x"]!, weight: operands["weight"]!, bias: operands["bias"], stride: [stride, stride],
        padding: [padding, padding], dilation: [dilation, dilation], groups: groups)
    }
  }

  /// What a batch normalisation reports, as a layer keeps it.
  final class Statistics {
    var mean: Tensor?
    var variance: Tensor?
    var calls = 0
  }

  private static func normalization(
    _ golden: GoldenCase, _ statistics: Statistics
  ) throws -> (_ x: Tensor, _ scale: Tensor, _ shift: Tensor) -> Tensor {
    let epsilon = Float(try golden.number("eps"))
    let momentum = Float(try golden.number("momentum"))
    let (mean, variance) = (try tensor(golden, "running_mean"), try tensor(golden, "running_var"))
    if try golden.flag("training") {
      return { x, scale, shift in
        batchNormalization(x, scale: scale, shift: shift, epsilon: epsilon) { batchMean, batchVariance in
          statistics.calls += 1
          statistics.mean = mean * (1 - momentum) + batchMean * momentum
          statistics.variance = variance * (1 - momentum) + batchVariance * momentum
        }
      }
    }
    return { batchNormalization($0, mean: mean, variance: variance, scale: $1, shift: $2, epsilon: epsilon) }
  }

  private static func poolCase(_ name: String, _ golden: GoldenCase) throws -> Operation {
    let (kernel, stride) = (try golden.integer("kernel"), try golden.integer("stride"))
    let padding = try golden.integer("padding")
    let rounding: PoolRounding = try golden.flag("ceil_mode") ? .up : .down
    if name == "max_pool2d" {
      return {
        maxPool(
          $0["x"]!, kernel: [kernel, kernel], stride: [stride, stride], padding: [padding, padding],
          rounding: rounding)
      }
    }
    let counting = try golden.flag("count_include_pad")
    return {
      averagePool(
        $0["x"]!, kernel: [kernel, kernel], stride: [stride, stride], padding: [padding, padding], rounding: rounding,
        countingPadding: counting)
    }
  }

  private static func plainCase(_ name: String, _ golden: GoldenCase) throws -> Operation {
    switch name {
    case "linear": return { linear($0["x"]!, weight: $0["weight"]!, bias: $0["bias"]) }
    case "relu": return { relu($0["x"]!) }
    case "softmax":
      let axis = try golden.integer("dim")
      return { softmax($0["x"]!, axis: axis) }
    case "log_softmax":
      let axis = try golden.integer("dim")
      return { logSoftmax($0["x"]!, axis: axis) }
    case "cross_entropy":
      let labels = IntTensor(try golden.array("target").integers.map(Int32.init))
      return { crossEntropy($0["input"]!, labels: labels) }
    case "nll_loss":
      let labels = IntTensor(try golden.array("target").integers.map(Int32.init))
      return { negativeLogLikelihood($0["input"]!, labels: labels) }
    case "add":
      let scalar = Float((try? golden.number("scalar")) ?? 0)
      return { operands in operands["b"].map { operands["a"]! + $0 } ?? operands["a"]! + scalar }
    case "multiply":
      let scalar = Float((try? golden.number("scalar")) ?? 0)
      return { operands in operands["b"].map { operands["a"]! * $0 } ?? operands["a"]! * scalar }
    case "concatenate":
      let axis = try golden.integer("dim")
      return { operands in concatenated(operands.keys.sorted().map { operands[$0]! }, axis: axis) }
    case "reshape":
      let shape = try golden.integers("shape")
      return { $0["x"]!.reshaped(to: shape) }
    case "flatten":
      let axis = try golden.integer("start_dim")
      return { $0["x"]!.flattened(from: axis) }
    case "mean", "sum":
      let axes = try? golden.integers("dims")
      let keeping = (try? golden.flag("keepdim")) ?? false
      return name == "mean"
        ? { $0["x"]!.mean(over: axes, keepingAxes: keeping) } : { $0["x"]!.sum(over: axes, keepingAxes: keeping) }
    default: throw GoldenFault.missing(name: "operator \(name)", path: golden.name)
    }
  }
}
