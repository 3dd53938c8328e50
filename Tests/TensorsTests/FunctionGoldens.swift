import AviaryTensors
import AviaryTestSupport

/// The operators of the golden file `functions`, each called as its case says.
enum FunctionGoldens {
  /// Operators whose first operand and result are [N, C, …], so that they may arrive and leave in a layout of their own.
  static let spatial = [
    "leaky_relu", "elu", "gelu", "silu", "hardswish", "sigmoid", "tanh", "exp", "log", "sqrt", "abs", "square", "clamp",
    "maximum", "minimum", "prelu", "narrow", "layer_norm", "group_norm", "local_response_norm",
  ]
  static let others = [
    "matmul", "select", "stack", "split", "l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "rmse",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "soft_cross_entropy", "nll_loss",
  ]

  static func operation(_ name: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation {
    if let function = try elementFunction(name, golden) { return { function($0["x"]!) } }
    if let normalization = try normalization(name, golden) { return normalization }
    if let loss = try loss(name, golden) { return loss }
    switch name {
    case "maximum": return { maximum($0["x"]!, $0["other"]!) }
    case "minimum": return { minimum($0["x"]!, $0["other"]!) }
    case "prelu": return { prelu($0["x"]!, slope: $0["weight"]!) }
    case "matmul": return { matmul($0["a"]!, $0["b"]!) }
    case "narrow":
      let (axis, start, end) = (try golden.integer("dim"), try golden.integer("start"), try golden.integer("end"))
      return { $0["x"]!.slice(axis: axis, from: start, to: end) }
    case "select":
      let (axis, index) = (try golden.integer("dim"), try golden.integer("index"))
      return { $0["x"]!.slice(axis: axis, at: index) }
    case "stack":
      let axis = try golden.integer("dim")
      return { stacked([$0["a"]!, $0["b"]!, $0["c"]!], axis: axis) }
    case "split":
      let (sizes, size) = (try? golden.integers("sizes"), try? golden.integer("size"))
      return { operands in
        let x = operands["x"]!
        let parts = sizes.map { x.split(sizes: $0, axis: 1) } ?? x.split(size: size ?? 0, axis: 1)
        return parts.enumerated().dropFirst().reduce(parts[0]) { whole, part in
          concatenated([part.element * Float(part.offset + 1), whole], axis: 1)
        }
      }
    default: throw GoldenFault.missing(name: "operator \(name)", path: golden.name)
    }
  }

  private static func elementFunction(_ name: String, _ golden: GoldenCase) throws -> ((Tensor) -> Tensor)? {
    switch name {
    case "leaky_relu":
      let slope = Float(try golden.number("negative_slope"))
      return slope == 0.01 ? { leakyRelu($0) } : { leakyRelu($0, slope: slope) }
    case "elu":
      let alpha = Float(try golden.number("alpha"))
      return alpha == 1 ? { elu($0) } : { elu($0, alpha: alpha) }
    case "gelu":
      return golden.geometry["approximate"] == .text("tanh") ? { gelu($0, approximation: .tanh) } : { gelu($0) }
    case "silu": return { silu($0) }
    case "hardswish": return { hardSwish($0) }
    case "sigmoid": return { sigmoid($0) }
    case "tanh": return { tanh($0) }
    case "exp": return { exp($0) }
    case "log": return { log($0) }
    case "sqrt": return { sqrt($0) }
    case "abs": return { abs($0) }
    case "square": return { $0.squared() }
    case "clamp":
      let (low, high) = (Float(try golden.number("min")), Float(try golden.number("max")))
      return { $0.clamped(to: low...high) }
    default: return nil
    }
  }

  private static func normalization(_ name: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation? {
    switch name {
    case "layer_norm":
      let axes = try golden.integer("axes")
      return {
        layerNormalization(
          $0["x"]!, over: Array($0["x"]!.shape.suffix(axes)), scale: $0["weight"], shift: $0["bias"])
      }
    case "group_norm":
      let groups = try golden.integer("groups")
      return { groupNormalization($0["x"]!, groups: groups, scale: $0["weight"], shift: $0["bias"]) }
    case "local_response_norm":
      let size = try golden.integer("size")
      if golden.name.hasSuffix("default") { return { localResponseNormalization($0["x"]!, size: size) } }
      let (alpha, beta) = (Float(try golden.number("alpha")), Float(try golden.number("beta")))
      let k = Float(try golden.number("k"))
      return { localResponseNormalization($0["x"]!, size: size, alpha: alpha, beta: beta, k: k) }
    default: return nil
    }
  }

  private static func loss(_ name: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation? {
    let reduction: Reduction = golden.geometry["reduction"] == .text("sum") ? .sum : .mean
    let target = golden.optionalArray("target")
    let labels = IntTensor(
      target?.integers.map(Int32.init) ?? [], shape: target.map { $0.integers.isEmpty ? [0] : $0.shape } ?? [0])
    let given = target.flatMap { $0.integers.isEmpty ? Tensor($0.floats, shape: $0.shape) : nil }
    let weights = golden.optionalArray("weight").map { Tensor($0.floats, shape: $0.shape) }
    let smoothing = Float((try? golden.number("label_smoothing")) ?? 0)
    let ignored = (try? golden.integer("ignore_index")).map(Int32.init)
    switch name {
    case "l1_loss": return { meanAbsoluteError($0["x"]!, target: $0["target"]!, reduction: reduction) }
    case "mse_loss": return { meanSquaredError($0["x"]!, target: $0["target"]!, reduction: reduction) }
    case "rmse": return { rootMeanSquaredError($0["x"]!, target: $0["target"]!) }
    case "huber_loss":
      let delta = Float(try golden.number("delta"))
      return { huber($0["x"]!, target: $0["target"]!, delta: delta, reduction: reduction) }
    case "smooth_l1_loss":
      let beta = Float(try golden.number("beta"))
      return { smoothL1($0["x"]!, target: $0["target"]!, beta: beta, reduction: reduction) }
    case "binary_cross_entropy": return { binaryCrossEntropy($0["x"]!, target: given!, reduction: reduction) }
    case "binary_cross_entropy_with_logits":
      let weight = Float(try golden.number("pos_weight"))
      return {
        binaryCrossEntropyWithLogits($0["x"]!, target: given!, positiveWeight: weight, reduction: reduction)
      }
    case "cross_entropy":
      return {
        crossEntropy(
          $0["x"]!, labels: labels, labelSmoothing: smoothing, classWeights: weights, ignoring: ignored,
          reduction: reduction)
      }
    case "soft_cross_entropy":
      return {
        crossEntropy(
          $0["x"]!, target: $0["target"]!, labelSmoothing: smoothing, classWeights: weights, reduction: reduction)
      }
    case "nll_loss":
      return {
        negativeLogLikelihood(
          $0["x"]!, labels: labels, classWeights: weights, ignoring: ignored, reduction: reduction)
      }
    default: return nil
    }
  }
}
