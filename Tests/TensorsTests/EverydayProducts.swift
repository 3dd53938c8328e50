import AviaryTensors
import AviaryTestSupport

enum EverydayProducts {
  typealias Operation = EverydayGoldenTests.Operation

  static let all: [String: Operation] = {
    var all: [String: Operation] = [:]
    for name in ["vector-matrix", "matrix-vector", "vectors", "batch-vector", "vector-batch", "batches"] {
      all["matmul/\(name)"] = two { matmul($0, $1) }
    }
    guard let goldens = try? EverydayGoldenTests.goldens.get() else { return all }
    for golden in (try? goldens.cases(of: "einsum")) ?? [] {
      guard case .text(let equation)? = golden.geometry["equation"] else { continue }
      all[golden.name] = { operands in
        switch (operands["a"], operands["b"], operands["c"]) {
        case (let a?, nil, nil): einsum(equation, a)
        case (let a?, let b?, nil): einsum(equation, a, b)
        default: einsum(equation, operands["a"]!, operands["b"]!, operands["c"]!)
        }
      }
    }
    for golden in ((try? goldens.cases(of: "unfold")) ?? []) + ((try? goldens.cases(of: "fold")) ?? []) {
      guard let window = try? Window(golden) else { continue }
      all[golden.name] = one { x in
        guard let size = window.size else {
          return unfold(
            x, kernel: window.kernel, stride: window.stride, padding: window.padding, dilation: window.dilation)
        }
        return fold(
          x, size: size, kernel: window.kernel, stride: window.stride, padding: window.padding,
          dilation: window.dilation)
      }
    }
    return all
  }()

  private struct Window {
    let kernel, stride, padding, dilation: [Int]
    let size: [Int]?

    init(_ golden: GoldenCase) throws {
      kernel = try golden.integers("kernel")
      stride = try golden.integers("stride")
      padding = try golden.integers("padding")
      dilation = try golden.integers("dilation")
      size = try? golden.integers("size")
    }
  }
}
