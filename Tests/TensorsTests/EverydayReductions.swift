import AviaryTensors

enum EverydayReductions {
  typealias Operation = EverydayGoldenTests.Operation

  static let all: [String: Operation] = overAxes.merging(others) { $1 }.merging(withPositions) { $1 }

  private static let overAxes: [String: Operation] = {
    var all: [String: Operation] = [:]
    let reductions: [(String, [Int]?, Bool)] = [
      ("all", nil, false), ("last", [-1], false), ("two", [2, 0], true), ("middle", [1], false),
    ]
    for (name, axes, kept) in reductions {
      all["max/\(name)"] = one { $0.max(over: axes, keepingAxes: kept) }
      all["min/\(name)"] = one { $0.min(over: axes, keepingAxes: kept) }
      all["variance/\(name)"] = one { $0.variance(over: axes, keepingAxes: kept) }
      all["standardDeviation/\(name)"] = one { $0.standardDeviation(over: axes, keepingAxes: kept) }
      all["logSumExp/\(name)"] = one { $0.logSumExp(over: axes, keepingAxes: kept) }
      let norms: [(String, Float)] = [
        ("2", 2), ("1", 1), ("0.5", 0.5), ("3", 3), ("inf", .infinity), ("-inf", -.infinity),
      ]
      for (label, p) in norms { all["norm/\(name)-\(label)"] = one { $0.norm(p, over: axes, keepingAxes: kept) } }
    }
    return all
  }()

  private static let others: [String: Operation] = {
    var all: [String: Operation] = [
      "tied/max": one { $0.max(over: [1]) }, "tied/norm": one { $0.norm(.infinity, over: [1]) },
      "variance/population": one { $0.variance(over: [1], correction: 0) },
      "standardDeviation/correction-1.5": one { $0.standardDeviation(correction: 1.5) },
      "standardDeviation/and-mean": one {
        let (deviation, mean) = $0.standardDeviationAndMean(over: [1])
        return stacked([deviation, mean])
      },
      "variance/and-mean": one {
        let (variance, mean) = $0.varianceAndMean(over: [0], keepingAxes: true)
        return stacked([variance, mean])
      },
      "product/all": one { $0.product() },
      "median/odd": one { $0.median(over: [1]) }, "median/even": one { $0.median(over: [0]) },
      "median/all": one { $0.median() },
      "quantile/kept": one { $0.quantile(0.35, over: [0], keepingAxes: true) },
    ]
    for name in ["plain", "zero", "zeros"] {
      all["product/\(name)"] = one { $0.product(over: [1]) }
      all["cumulativeProduct/\(name)"] = one { $0.cumulativeProduct(axis: 1) }
      all["cumulativeProduct/\(name)-first"] = one { $0.cumulativeProduct(axis: 0) }
    }
    for axis in [0, 1, -1] { all["cumulativeSum/\(axis)"] = one { $0.cumulativeSum(axis: axis) } }
    for (label, q) in [("0.0", Float(0)), ("0.3", 0.3), ("0.5", 0.5), ("1.0", 1)] {
      all["quantile/\(label)"] = one { $0.quantile(q, over: [1]) }
    }
    return all
  }()

  /// Values and positions; the golden file has both.
  private static let pairs: [String: @Sendable (Tensor) -> (Tensor, IntTensor)] = {
    var all: [String: @Sendable (Tensor) -> (Tensor, IntTensor)] = [:]
    for axis in [0, 1, -1] {
      all["maxWithIndices/\(axis)"] = { $0.maxWithIndices(axis: axis) }
      all["minWithIndices/\(axis)"] = { $0.minWithIndices(axis: axis, keepingAxes: true) }
      all["sorted/\(axis)"] = { $0.sorted(axis: axis) }
      all["sorted/\(axis)-descending"] = { $0.sorted(axis: axis, descending: true) }
      all["top/\(axis)-largest"] = { $0.top(2, axis: axis) }
      all["top/\(axis)-smallest"] = { $0.top(2, axis: axis, largest: false) }
    }
    return all
  }()

  private static let withPositions: [String: Operation] = pairs.mapValues { function in one { function($0).0 } }

  static let positions: [String: @Sendable (Tensor) -> IntTensor] = pairs.mapValues { function in { function($0).1 } }
}
