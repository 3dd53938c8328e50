import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// Every operator with operands and upstream gradients that are not finite: results and gradients are NaN, infinite and
/// zero where PyTorch's are.
@Suite struct NonfiniteGoldenTests {
  /// Case, then what is replaced, then `y` or `d_<operand>`, by file.
  private typealias Patterns = [String: [String: [String: [String: String]]]]

  private static let patterns = Result {
    try JSONDecoder().decode(
      Patterns.self, from: Data(contentsOf: Goldens.url("nonfinite.json", of: "TensorsTests")))
  }

  /// Cases that have more NaN than PyTorch, since zero times infinity is not zero in them: nothing is swallowed. Of equal
  /// elements `top` takes others.
  private static let differing = [
    "prelu/", "quantile/", "top/", "group_norm/", "einsum/size-one", "softplus/", "cumulativeProduct/zeros",
    "product/zero",
  ]

  private static let files = ["operators", "functions", "windows", "padding", "attention", "everyday"]

  private static func operation(_ file: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation {
    let name = String(golden.name.prefix { $0 != "/" })
    return switch file {
    case "operators": try GoldenOperators.operation(name, golden, GoldenOperators.Statistics())
    case "functions": try FunctionGoldens.operation(name, golden)
    case "windows": try WindowOperators.operation(name, golden)
    case "padding": try PaddingGoldenTests.operation(name, golden)
    case "attention": try AttentionTests.operation(golden)
    default: EverydayGoldenTests.operations[golden.name]!
    }
  }

  /// The kind of each element, as `tools/goldens_nonfinite.py` writes it.
  static func decoded(_ pattern: String) -> [Character] {
    var kinds: [Character] = []
    var count = ""
    for character in pattern {
      if character.isNumber {
        count.append(character)
      } else {
        kinds += Array(repeating: character, count: Int(count) ?? 1)
        count = ""
      }
    }
    return kinds
  }

  private static func matches(_ value: Float, _ kind: Character) -> Bool {
    switch kind {
    // Where infinities cancel in PyTorch's order of operations, they may not in another.
    case "n": !value.isFinite
    case "+": value == .infinity
    case "-": value == -.infinity
    // Another order of operations leaves a rounding error where PyTorch has none.
    case "z": value.magnitude < 1e-6
    default: value.isFinite
    }
  }

  private static func replaced(_ x: Tensor, _ value: Float, at place: Int?) -> Tensor {
    var scalars = x.scalars
    for index in place.map({ $0..<$0 + 1 }) ?? 0..<scalars.count { scalars[index] = value }
    return Tensor(scalars, shape: x.shape)
  }

  /// The gradient of a convolution's weights without the one element of `changed` that is not finite, at the taps that
  /// have nothing but padding beside that element. Zero times that element is NaN there, or nothing at all: PyTorch's own
  /// answer changes with its engine and the processor, and so does oneDNN's.
  private static func gradientBesidesPadding(
    _ changed: String, _ place: Int, _ operands: [String: Tensor], upstream: Tensor,
    _ operation: @escaping GoldenOperators.Operation
  ) -> [Float?] {
    var values = operands
    values["dy"] = upstream
    func gradient(_ values: [String: Tensor]) -> [Float] {
      differentiated(values.filter { $0.key != "dy" }, upstream: values["dy"]!, road: .deferred, operation)
        .gradients["weight"]?.scalars ?? []
    }
    var ones = values.mapValues { Tensor(ones: $0.shape) }
    ones[changed] = replaced(Tensor(zeros: values[changed]!.shape), 1, at: place)
    values[changed] = replaced(values[changed]!, 0, at: place)
    return zip(gradient(ones), gradient(values)).map { $0 == 0 ? $1 : nil }
  }

  @Test(arguments: files) func patternsArePyTorchs(file: String) throws {
    let known = try #require(try Self.patterns.get()[file])
    let goldens = try Goldens(file, of: "TensorsTests")
    #expect(!known.isEmpty)
    for (name, variants) in known.sorted(by: { $0.key < $1.key }) {
      let group = String(name.prefix { $0 != "/" })
      let golden = try #require(try goldens.cases(of: group).first { $0.name == name }, "\(name)")
      let operation = try Self.operation(file, golden)
      let operands = try GoldenOperators.operands(golden)
      let upstream = try GoldenOperators.tensor(golden, "dy")
      for (variant, expected) in variants.sorted(by: { $0.key < $1.key }) {
        let words = variant.split(separator: " ").map(String.init)
        let value = try #require(Float(words[1]))
        var changed = operands
        changed[words[0]] = operands[words[0]].map { Self.replaced($0, value, at: Int(words[2])) }
        let dy = words[0] == "dy" ? Self.replaced(upstream, value, at: Int(words[2])) : upstream
        var besidesPadding: [Float?] = []
        if name.hasPrefix("conv"), ["x", "dy"].contains(words[0]), let place = Int(words[2]) {
          besidesPadding = Self.gradientBesidesPadding(words[0], place, operands, upstream: upstream, operation)
        }
        func isBesidesPadding(_ value: Float, _ key: String, _ index: Int) -> Bool {
          guard key == "d_weight", index < besidesPadding.count, let rest = besidesPadding[index] else { return false }
          return abs(value - rest) <= 1e-4 * max(1, abs(rest))
        }
        func check(_ found: Tensor?, _ key: String, _ road: String) {
          guard let pattern = expected[key] else { return }
          let kinds = Self.decoded(pattern)
          let scalars = found?.scalars ?? []
          let differs = Self.differing.contains { name.hasPrefix($0) }
          let wrong = zip(scalars, kinds).enumerated().filter {
            differs ? $1.1 == "n" && $1.0.isFinite : !Self.matches($1.0, $1.1) && !isBesidesPadding($1.0, key, $0)
          }
          let some = wrong.prefix(3).map { "\($0.element.0) for \($0.element.1) at \($0.offset)" }
          #expect(
            scalars.count == kinds.count && wrong.isEmpty,
            "\(name), \(variant), \(road): \(wrong.count) of \(key): \(some.joined(separator: ", "))")
        }
        check(inference { operation(changed) }, "y", "inference")
        for road in [Road.deferred, .forced] {
          let (y, gradients) = differentiated(changed, upstream: dy, road: road, operation)
          check(y, "y", "\(road)")
          for operand in operands.keys { check(gradients[operand], "d_\(operand)", "\(road)") }
        }
      }
    }
  }
}
