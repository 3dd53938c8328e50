// The least value of a function by a search over its settings: `Minimize METHOD FUNCTION TRIALS SEED` prints the value of each
// trial. `tools/check_search.py` compares them with Optuna's.
import AviarySearch
import Foundation

/// A function with a known minimum.
struct TestFunction: Sendable {
  let ranges: [ClosedRange<Double>]
  let minimum: Double
  let value: @Sendable ([Double]) -> Double

  static let all: [String: TestFunction] = ["branin": branin, "hartmann6": hartmann6]

  /// Three minima of the same value (Branin, 1972).
  static let branin = TestFunction(ranges: [-5...10, 0...15], minimum: 0.397_887_357_729_738) { x in
    let slope = x[1] - 5.1 / (4 * .pi * .pi) * x[0] * x[0] + 5 / .pi * x[0] - 6
    return slope * slope + 10 * (1 - 1 / (8 * .pi)) * cos(x[0]) + 10
  }

  /// Four bowls, of which one is the deepest (Hartman, 1973).
  static let hartmann6 = TestFunction(ranges: Array(repeating: 0...1, count: 6), minimum: -3.322_368_011_415_515) { x in
    let widths: [[Double]] = [
      [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
    ]
    let centers: [[Double]] = [
      [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
      [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
    return zip([1, 1.2, 3, 3.2], zip(widths, centers)).reduce(0) { sum, bowl in
      let distance = x.indices.reduce(0.0) { sum, d in
        let difference = x[d] - bowl.1.1[d]
        return sum + bowl.1.0[d] * difference * difference
      }
      return sum - bowl.0 * exp(-distance)
    }
  }
}

let arguments =
  CommandLine.arguments.dropFirst() + ["tpe", "branin", "25", "1"][min(CommandLine.arguments.count - 1, 4)...]
guard arguments.count == 4, let method = SearchMethod(rawValue: arguments[arguments.startIndex]),
  let function = TestFunction.all[arguments[arguments.startIndex + 1]],
  let trials = Int(arguments[arguments.startIndex + 2]), let seed = UInt64(arguments[arguments.startIndex + 3])
else {
  print("usage: Minimize random|tpe|gp branin|hartmann6 TRIALS SEED")
  exit(64)
}
let space = try SearchSpace(function.ranges.indices.map { SearchParameter("x\($0)", .real(function.ranges[$0])) })
let sampler = try method.sampler(space, seed: seed)
var history: [Observation] = []
var least = Double.infinity
for number in 0..<trials {
  let values = sampler.suggest(trial: number, after: history)
  let value = function.value(function.ranges.indices.map { Double(values["x\($0)"] ?? "") ?? .nan })
  history.append(Observation(values, .finished(value)))
  least = min(least, value)
  print(value)
}
precondition(
  least >= function.minimum - 1e-9 && least < function.value(function.ranges.map(\.lowerBound)), "found nothing")
