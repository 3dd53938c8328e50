import AviaryTensors
import AviaryTestSupport
import Testing

/// The pullbacks of transposed convolutions and of pools over tables of windows against finite differences.
@Suite struct WindowGradientTests {
  typealias Case = GradientCheckTests.Case

  @Test(arguments: cases) func pullbackAgreesWithDifferences(_ operatorCase: Case) {
    checkGradient(
      at: operatorCase.operands, step: operatorCase.step, mode: operatorCase.mode, name: operatorCase.name,
      of: operatorCase.operation)
  }

  @Test(arguments: cases) func plantedErrorIsFound(_ operatorCase: Case) {
    for name in operatorCase.operands.keys {
      withKnownIssue("\(operatorCase.name), \(name)") {
        checkGradient(
          at: operatorCase.operands, step: operatorCase.step, mode: operatorCase.mode, name: operatorCase.name
        ) { operatorCase.operation(flawed(name, in: $0)) }
      }
    }
  }

  static let cases: [Case] = transposedConvolutions + pools

  static let transposedConvolutions: [Case] = [
    transposedCase("of rows", [2, 3, 5], [3, 4, 3], stride: 2, padding: 1, extra: 1),
    transposedCase("of images", [2, 3, 4, 3], [3, 5, 3, 3], stride: 2, padding: 1, extra: 1),
    transposedCase("in groups", [1, 4, 4, 4], [4, 3, 3, 3], stride: 2, groups: 2),
    transposedCase("of 19 to 21 channels", [1, 19, 3, 4], [19, 21, 3, 3], padding: 1),
    transposedCase("by Winograd", [2, 16, 16, 16], [16, 16, 3, 3], padding: 1),
    transposedCase("with uncovered positions", [1, 2, 4], [2, 3, 3], extra: 2, dilation: 3),
    transposedCase("of volumes", [1, 2, 2, 3, 2], [2, 3, 3, 3, 3], stride: 2, padding: 1),
  ]

  static func transposedCase(
    _ name: String, _ x: [Int], _ weight: [Int], stride: Int = 1, padding: Int = 0, extra: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) -> Case {
    let axes = x.count - 2
    return Case(
      name: "transposed convolution \(name)",
      operands: [
        "x": GradientCheckTests.random(x, 1), "weight": GradientCheckTests.random(weight, 2),
        "bias": GradientCheckTests.random([weight[1] * groups], 3),
      ]
    ) {
      transposedConvolution(
        $0["x"]!, weight: $0["weight"]!, bias: $0["bias"]!, stride: Array(repeating: stride, count: axes),
        padding: Array(repeating: padding, count: axes), outputPadding: Array(repeating: extra, count: axes),
        dilation: Array(repeating: dilation, count: axes), groups: groups)
    }
  }

  static let pools: [Case] = [
    Case(name: "minimum pooling", operands: ["x": GradientCheckTests.distinct([2, 3, 7, 6], 1)], step: 1e-3) {
      minPool($0["x"]!, kernel: [3, 3], stride: [2, 2], padding: [1, 1], rounding: .up)
    },
    Case(name: "minimum pooling of rows", operands: ["x": GradientCheckTests.distinct([2, 17, 5], 1)], step: 1e-3) {
      minPool($0["x"]!, kernel: [2], stride: [1])
    },
    Case(
      name: "minimum pooling of volumes", operands: ["x": GradientCheckTests.distinct([1, 2, 3, 4, 5], 1)], step: 1e-3
    ) {
      minPool($0["x"]!, kernel: [2, 3, 2])
    },
    Case(
      name: "maximum pooling, smaller than the window", operands: ["x": GradientCheckTests.distinct([2, 3, 2, 2], 1)],
      step: 1e-3
    ) { maxPool($0["x"]!, kernel: [3, 3], stride: [2, 2], rounding: .up) },
    Case(
      name: "maximum pooling with gaps", operands: ["x": GradientCheckTests.distinct([2, 3, 9, 8], 1)], step: 1e-3
    ) {
      maxPool($0["x"]!, kernel: [3, 2], stride: [2, 1], padding: [1, 0], dilation: [2, 3])
    },
    Case(
      name: "average pooling, smaller than the window", operands: ["x": GradientCheckTests.random([2, 3, 2, 4, 2], 1)]
    ) { averagePool($0["x"]!, kernel: [3, 3, 3], stride: [2, 2, 2], rounding: .up) },
    Case(name: "adaptive average of rows", operands: ["x": GradientCheckTests.random([2, 3, 7], 1)]) {
      adaptiveAveragePool($0["x"]!, output: [3])
    },
    Case(name: "adaptive average of volumes", operands: ["x": GradientCheckTests.random([2, 3, 3, 4, 5], 1)]) {
      adaptiveAveragePool($0["x"]!, output: [2, 3, 2])
    },
    Case(name: "adaptive maximum of rows", operands: ["x": GradientCheckTests.distinct([2, 3, 7], 1)], step: 1e-3) {
      adaptiveMaxPool($0["x"]!, output: [3])
    },
    Case(
      name: "adaptive maximum of volumes", operands: ["x": GradientCheckTests.distinct([2, 3, 3, 4, 5], 1)], step: 1e-3
    ) {
      adaptiveMaxPool($0["x"]!, output: [2, 3, 2])
    },
  ]
}
