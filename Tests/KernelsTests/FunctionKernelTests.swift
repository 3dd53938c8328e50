import AviaryTestSupport
import CKernels
import Foundation
import Testing

/// The kernels of functions, losses and normalisations against plain Swift in double precision.
@Suite struct FunctionKernelTests {
  struct Reference: Sendable, CustomTestStringConvertible {
    let function: ak_function
    let name: String
    /// Where the function is looked at, and how far off it may be there in units of 2⁻²³ of its value.
    let range: ClosedRange<Double>
    var tolerance = 3.0
    let value: @Sendable (Double) -> Double
    var testDescription: String { name }
  }

  static let references: [Reference] = [
    Reference(function: AK_EXP, name: "exp", range: -87...88.7) { exp($0) },
    Reference(function: AK_LOG, name: "log", range: 1e-37...1e37) { log($0) },
    Reference(function: AK_LOG, name: "log about 1", range: 0.5...2) { log($0) },
    Reference(function: AK_SQRT, name: "sqrt", range: 0...1e20, tolerance: 1) { $0.squareRoot() },
    Reference(function: AK_TANH, name: "tanh", range: -12...12) { tanh($0) },
    Reference(function: AK_SIGMOID, name: "sigmoid", range: -86...86) { 1 / (1 + exp(-$0)) },
    Reference(function: AK_ELU, name: "elu", range: -30...2) { $0 > 0 ? $0 : expm1($0) },
    Reference(function: AK_SILU, name: "silu", range: -80...80, tolerance: 4) { $0 / (1 + exp(-$0)) },
    Reference(function: AK_GELU, name: "gelu", range: -12...12, tolerance: 8) {
      $0 * 0.5 * erfc(-$0 / 2.0.squareRoot())
    },
    // Rounding its argument costs digits in the tail.
    Reference(function: AK_GELU_TANH, name: "gelu by tanh", range: -3...8, tolerance: 20) {
      $0 / (1 + exp(-2 * (2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    },
    Reference(function: AK_HARD_SWISH, name: "hard swish", range: -2.9...8, tolerance: 4) {
      $0 * min(max($0 + 3, 0), 6) / 6
    },
  ]

  @Test(arguments: references) func functionsRoundWell(_ reference: Reference) {
    let count = 100_003
    var numbers = TestNumbers(seed: 1)
    var x = numbers.floats(count).map { unit -> Float in
      let (low, high) = (reference.range.lowerBound, reference.range.upperBound)
      if low > 0, high / low > 100 { return Float(low * pow(high / low, Double(unit + 1) / 2)) }
      return Float(low + (high - low) * Double(unit + 1) / 2)
    }
    // Small numbers, where there are any.
    if reference.range.contains(0) {
      for i in stride(from: 0, to: count, by: 3) {
        x[i] = x[i].sign == .minus ? -exp2(-Float(i % 50)) : exp2(-Float(i % 50))
      }
      x = x.filter { reference.range.contains(Double($0)) }
    }
    var y = [Float](repeating: .nan, count: x.count)
    ak_apply(reference.function, x, 1, 0, &y, x.count)
    var (worst, place) = (0.0, Float(0))
    for (x, y) in zip(x, y) {
      let expected = reference.value(Double(x))
      let error = abs(Double(y) - expected) / max(abs(expected) * 0x1p-23, 0x1p-140)
      if !(error <= worst) { (worst, place) = (error, x) }
    }
    #expect(worst <= reference.tolerance, "\(reference.name) is \(worst) units off at \(place)")
  }

  @Test(arguments: references) func derivativesAreThoseOfTheValues(_ reference: Reference) {
    var numbers = TestNumbers(seed: 2)
    let (low, high) = (max(reference.range.lowerBound, -4), min(reference.range.upperBound, 4))
    let x = numbers.floats(1000, from: Float(low) + 0.1, to: Float(high)).filter {
      abs($0) > 0.01 && abs($0 - 3) > 0.01
    }
    let dy = numbers.floats(x.count, from: 0.5, to: 1)
    var (saved, dx) = (x, x)
    let fromResult = [AK_SIGMOID, AK_TANH, AK_EXP, AK_SQRT].contains(reference.function)
    if fromResult { ak_apply(reference.function, x, 1, 0, &saved, x.count) }
    ak_apply_backward(reference.function, dy, saved, 1, 0, &dx, x.count)
    let step = 1e-5
    let expected = zip(x, dy).map { x, dy in
      Double(dy) * (reference.value(Double(x) + step) - reference.value(Double(x) - step)) / (2 * step)
    }
    expectClose(actual: dx, expected: expected, relativeL2: 1e-6, relativeMax: 1e-5, name: reference.name)
  }

  @Test func limits() {
    let subnormal = Float(bitPattern: 71362)
    let x: [Float] = [.infinity, -.infinity, .nan, 0, 200, -200, subnormal]
    func apply(_ function: ak_function, _ p: Float = 1, _ q: Float = 0) -> [Float] {
      var y = [Float](repeating: 7, count: x.count)
      ak_apply(function, x, p, q, &y, x.count)
      return y
    }
    func same(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) } }
    #expect(same(apply(AK_EXP), [.infinity, 0, .nan, 1, .infinity, 0, 1]))
    #expect(same(Array(apply(AK_LOG).prefix(4)), [.infinity, .nan, .nan, -.infinity]))
    #expect(abs(apply(AK_LOG)[6] + 92.1034) < 1e-3, "of a subnormal number")
    #expect(same(apply(AK_TANH), [1, -1, .nan, 0, 1, -1, subnormal]))
    #expect(same(Array(apply(AK_SIGMOID).prefix(5)), [1, 0, .nan, 0.5, 1]))
    #expect(same(apply(AK_CLAMP, -2, 3), [3, -2, .nan, 0, 3, -2, subnormal]))
    #expect(apply(AK_GELU)[2].isNaN && apply(AK_GELU)[4] == 200 && apply(AK_GELU)[5] == 0)
    #expect(
      apply(AK_ELU)[2].isNaN && apply(AK_ELU)[1] == -1 && apply(AK_SILU)[2].isNaN && apply(AK_LEAKY_RELU)[2].isNaN)
  }

  // MARK: - Losses

  struct Loss: Sendable, CustomTestStringConvertible {
    let kind: ak_loss
    var p: Float = 0
    let range: ClosedRange<Float>
    let value: @Sendable (Double, Double) -> Double
    var testDescription: String { "loss \(kind.rawValue)" }
  }

  static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

  static let losses: [Loss] = [
    Loss(kind: AK_ABSOLUTE_ERROR, range: -3...3) { x, t in abs(x - t) },
    Loss(kind: AK_SQUARED_ERROR, range: -3...3) { x, t in (x - t) * (x - t) },
    Loss(kind: AK_HUBER, p: 0.75, range: -3...3) { x, t in
      let e: Double = abs(x - t)
      return e < 0.75 ? e * e / 2 : 0.75 * (e - 0.375)
    },
    Loss(kind: AK_SMOOTH_L1, p: 0.5, range: -3...3) { x, t in
      let e: Double = abs(x - t)
      return e < 0.5 ? e * e : e - 0.25
    },
    Loss(kind: AK_BINARY_CROSS_ENTROPY, range: 0.01...0.99) { x, t in
      let ones: Double = t * log(x)
      return -ones - (1 - t) * log(1 - x)
    },
    Loss(kind: AK_BINARY_CROSS_ENTROPY_OF_LOGITS, p: 3, range: -60...60) { x, t in
      let ones: Double = 3 * t * softplus(-x)
      return ones + (1 - t) * softplus(x)
    },
  ]

  @Test(arguments: losses) func lossesOfPairs(_ loss: Loss) {
    var numbers = TestNumbers(seed: 3)
    let count = 5001
    let targets = numbers.floats(count, from: 0, to: 1)
    let x = numbers.floats(count, from: loss.range.lowerBound, to: loss.range.upperBound)
    var (y, dx) = (x, x)
    ak_loss_forward(loss.kind, x, targets, loss.p, &y, count)
    let values = zip(x, targets).map { loss.value(Double($0), Double($1)) }
    expectClose(actual: y, expected: values, relativeL2: 1e-6, relativeMax: 1e-6, name: "values")
    ak_loss_backward(loss.kind, 0.5, x, targets, loss.p, &dx, count)
    // Away from kinks, over which the difference would reach.
    let kinks: [Double] = [0, Double(loss.p), -Double(loss.p)]
    let smooth = x.indices.filter { index in
      kinks.allSatisfy { abs(Double(x[index]) - Double(targets[index]) - $0) > 1e-4 }
    }
    let slopes = smooth.map { index -> Double in
      let (at, target) = (Double(x[index]), Double(targets[index]))
      return 0.5 * (loss.value(at + 1e-5, target) - loss.value(at - 1e-5, target)) / 2e-5
    }
    expectClose(actual: smooth.map { dx[$0] }, expected: slopes, relativeL2: 1e-5, relativeMax: 1e-4, name: "slopes")
  }
}
